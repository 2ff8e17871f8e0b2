// What the tables of docs/benchmarks.md have in common: running `throughline bench` and what it needs, comparing its figures with what
// they must and should be, and writing the table between its marker lines of the page and all figures to build/bench/table/.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";

const root = resolve(dirname(import.meta.filename), "..");
const page = join(root, "docs/benchmarks.md");
export const reports = join(root, "build/bench/table");

export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** null: it is printed, and nothing is asked of it. */
  must: number | null;
  aim: number | null;
}

export interface Result {
  figures: Figure[];
  /** Promises that the run saw broken. */
  problems: string[];
  /** What else is worth telling. */
  note: string;
}

export interface Row {
  name: string;
  work: string;
  run(): Promise<Result>;
}

export interface Times {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

/** What of `throughline bench --json` is used here. */
export interface Report {
  ok: boolean;
  problems: string[];
  seconds: number;
  chunks: { delivered: number; per_second: number };
  post_ms: Times;
  first_chunk_ms: Times;
  delivery_ms: Times;
  resume_ms: Times;
  outage_ms: Times;
  readers: { restarted_answers: number };
  server: {
    cpu_us_per_chunk: number;
    rss_mb_most: number;
    rss_kb_per_idle_stream?: number;
    samples: { at_ms: number; rss_mb: number; descriptors: number }[];
  };
  bench: { cpu_us_per_chunk: number };
  mock_model?: { cpu_us_per_chunk: number; late_us: { p50: number; p99: number; max: number } };
}

const [program, ...chosen] = process.argv.slice(2);
if (!program) throw new Error("usage: node bench/TABLE.ts BINARY [ROW...]");
export const binary = program;

// --- running things ---------------------------------------------------------------------------------------------------------

const clean = { PATH: process.env["PATH"] ?? "", HOME: tmpdir() };

export async function bench(name: string, args: string[]): Promise<Report> {
  const file = join(reports, `${name}.json`);
  rmSync(file, { force: true });
  console.log(`$ throughline bench ${args.join(" ")}`);
  const child = spawn(binary, ["bench", ...args, "--json", file], { stdio: "inherit", env: clean });
  await once(child, "close");
  return JSON.parse(readFileSync(file, "utf8")) as Report;
}

interface Started {
  child: ChildProcess;
  url: string;
  /** From the start to the line that says so. */
  ms: number;
}

export async function start(args: string[], mark: RegExp, env: Record<string, string> = {}): Promise<Started> {
  const began = performance.now();
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...clean, ...env } });
  let text = "";
  for await (const piece of child.stdout!) {
    text += String(piece);
    const match = text.match(mark);
    if (match) {
      child.stdout!.resume();
      return { child, url: match[1]!, ms: performance.now() - began };
    }
  }
  throw new Error(`${args[0]} ended; it printed:\n${text}`);
}

export async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

export function residentMegabytes(pid: number): number {
  const line = readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB/m);
  return Number(line![1]) / 1024;
}

export const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
export const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
export const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

// --- rows -------------------------------------------------------------------------------------------------------------------

export const figure = (name: string, value: number, unit: string, must: number | null = null, aim: number | null = null): Figure => ({
  name, value, unit, must, aim,
});

export function result(report: Report, figures: Figure[], note = ""): Result {
  const model = report.mock_model;
  const parts = [note];
  if (report.chunks.delivered > 0) parts.push(`${report.chunks.per_second.toLocaleString("en")} chunks/s delivered`);
  if (model && report.chunks.delivered > 0) parts.push(`model behind its pace p99 ${(model.late_us.p99 / 1000).toFixed(1)} ms`);
  return { figures, problems: report.problems, note: parts.filter((part) => part !== "").join(", ") };
}

// --- the table --------------------------------------------------------------------------------------------------------------

const number = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2));

function verdict(of: Figure): string {
  if (of.must === null) return "";
  if (!(of.value <= of.must)) return "**misses**";
  return of.aim !== null && of.value <= of.aim ? "aim" : "must";
}

function lines(row: Row, got: Result): string[] {
  return got.figures.map((of, i) => {
    const work = i === 0 ? row.work : "";
    const note = i === 0 ? [...got.problems.map((problem) => `**${problem}**`), got.note].filter(Boolean).join("; ") : "";
    return `| ${work} | ${of.name} | ${number(of.value)} ${of.unit} | ${of.must ?? ""} | ${of.aim ?? ""} | ${verdict(of)} | ${note} |`;
  });
}

function machine(conditions: string): string {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).stdout.trim();
  const day = new Date().toISOString().slice(0, 10);
  return `${day}, commit ${commit}, ${cpus().length} cores (${model}), ${(totalmem() / 2 ** 30).toFixed(0)} GB; ` +
    `${conditions} on the same cores.`;
}

function write(name: string, table: string[]): void {
  const begin = `<!-- The table between these lines is written by ./dev bench${name === "one" ? "" : ` ${name}`}. -->`;
  const end = `<!-- End of the table${name === "one" ? "" : ` of ${name}`}. -->`;
  const text = readFileSync(page, "utf8");
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${page} has no marker lines:\n${begin}\n${end}`);
  writeFileSync(page, `${text.slice(0, from + begin.length)}\n\n${table.join("\n")}\n\n${text.slice(to)}`);
}

export interface Table {
  /** Of the marker lines. */
  name: string;
  /** What was measured with what, a half sentence. */
  conditions: string;
  rows: Row[];
}

/** Runs the rows that were asked for, or all; only all of them are written to the page. */
export async function measure(of: Table): Promise<void> {
  for (const name of chosen) {
    if (!of.rows.some((row) => row.name === name)) {
      throw new Error(`there is no row "${name}"; the rows are ${of.rows.map((row) => row.name).join(", ")}`);
    }
  }
  mkdirSync(reports, { recursive: true });
  const table = [
    machine(of.conditions),
    "",
    "| work | figure | measured | must | aim | reaches | |",
    "|---|---|---|---|---|---|---|",
  ];
  let misses = 0;
  for (const row of of.rows) {
    if (chosen.length > 0 && !chosen.includes(row.name)) continue;
    console.log(`\n==> ${row.name}: ${row.work}`);
    const got = await row.run();
    const written = lines(row, got);
    console.log(written.join("\n"));
    table.push(...written);
    misses += got.problems.length + got.figures.filter((one) => one.must !== null && !(one.value <= one.must)).length;
  }
  console.log(`\n${table.join("\n")}`);
  if (chosen.length === 0) {
    write(of.name, table);
    console.log(`\nwritten to ${page}`);
  }
  process.exitCode = misses === 0 ? 0 : 1;
}
