// What the documentation says is what the program does: the README's tour is run as it stands, its configuration file is read, its
// tables of settings are compared with the program's own help, and what the pages point at exists.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { binary, cleanEnvironment } from "./support/process.ts";

const root = resolve("../..");
const readme = readFileSync(join(root, "README.md"), "utf8");
let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "throughline-readme-"));
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

/** The text under a heading of the second level. */
function section(title: string): string {
  const begin = readme.indexOf(`\n## ${title}\n`);
  if (begin < 0) throw new Error(`README.md has no section "${title}"`);
  const end = readme.indexOf("\n## ", begin + 1);
  return readme.slice(begin, end < 0 ? undefined : end);
}

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map((match) => match[1]!);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

function run(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((done) => {
    const options = { cwd: home, env: cleanEnvironment({ HOME: home, ...env }), timeout: 20_000 };
    execFile(binary, args, options, (error, stdout, stderr) => {
      done({ status: error ? (typeof error.code === "number" ? error.code : -1) : 0, stdout, stderr });
    });
  });
}

describe("the tour", () => {
  test("does what it says, command by command", async () => {
    const steps = blocks(section("A five-minute tour"), "bash");
    expect(steps.length).toBeGreaterThan(8);
    const port = String(await freePort());
    const script = ["set -eu", ...steps.map((step, n) => `${step}\necho "step ${n} is done"`)]
      .join("\n")
      .replaceAll("8080", port)
      .replaceAll("build/release/throughline", binary);
    const folder = mkdtempSync(join(home, "tour-"));
    // Every call that is answered with an error fails its step.
    writeFileSync(join(home, ".curlrc"), "fail-with-body\n");
    const bash = spawn("bash", ["-c", script], {
      cwd: folder,
      env: cleanEnvironment({ HOME: home }),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a group of its own, so that the server can be ended with it
    });
    let text = "";
    bash.stdout.on("data", (piece: Buffer) => (text += piece.toString()));
    bash.stderr.on("data", (piece: Buffer) => (text += piece.toString()));
    const deadline = setTimeout(() => process.kill(-bash.pid!, "SIGKILL"), 50_000);
    const [code] = await once(bash, "close");
    clearTimeout(deadline);
    try {
      process.kill(-bash.pid!, "SIGKILL");
    } catch {
      // The group is empty: the tour has stopped its server.
    }
    expect(`${text}\nexit ${code}`).toMatch(/exit 0$/);
    const printed = text.split(/^step \d+ is done$/m);
    expect(printed.length).toBe(steps.length + 1);
    const after = (words: string) => {
      const index = steps.findIndex((step) => step.includes(words));
      if (index < 0) throw new Error(`no step of the tour has ${words}`);
      return printed[index]!;
    };
    expect(after("\nready")).toContain('"status":"ready"');
    expect(after("What can you do?")).toMatch(/"status":"processing"/);
    expect(after("tour-rest.txt")).toMatch(/^cut at 1-9$/m);
    expect(after("tour-rest.txt")).toContain("nothing lost, nothing twice");
    expect(after("/cancel")).toMatch(/"state":"(cancelled|succeeded)"/);
    expect(after("/cancel")).toMatch(/"chunk_type":"done"/);
    expect(after("/events")).toMatch(/^event: change$/m);
    const survived = after("kill -9");
    expect(survived).toContain("the server is dead");
    expect(survived).toMatch(/"chunk_type":"reset"[\s\S]*"chunk_type":"done"/);
    expect(after("role|status").match(/"role":"assistant"/g)).toHaveLength(5);
    expect(after("role|status")).not.toMatch(/"status":"(queued|generating|error)"/);
  });
});

describe("the configuration file of the README", () => {
  test("is accepted and means what it says", async () => {
    const [file] = blocks(section("Your own model"), "toml");
    const path = join(home, "readme.toml");
    writeFileSync(path, file!);
    const keys = { OPENAI_API_KEY: "sk-a", ANTHROPIC_API_KEY: "sk-b", OPENROUTER_API_KEY: "sk-c" };
    const shown = await run(["config", "--config", path], keys);
    expect(shown.stderr).toBe("");
    expect(shown.status).toBe(0);
    for (const name of ["openai", "anthropic", "ollama", "openrouter"]) {
      expect(shown.stdout).toMatch(new RegExp(`^ +${name}: `, "m"));
    }
    expect(shown.stdout).toMatch(/default model: openai\/gpt-4\.1-mini/);
    for (const key of Object.values(keys)) expect(shown.stdout).not.toContain(key);
  });
});

interface Row {
  name: string;
  isFlag: boolean;
  variables: string[];
  initial: string;
  meaning: string;
}

/** The rows of the README's tables of settings. */
function settings(): Row[] {
  return section("Configuration")
    .split("\n")
    .filter((line) => /THROUGHLINE_[A-Z]/.test(line) && line.startsWith("| "))
    .map((line) => {
      const cells = line.slice(2, -2).split(" | ").map((cell) => cell.trim());
      if (cells.length !== 4) throw new Error(`not four cells: ${line}`);
      const variables = cells[1]!.split(", ").map((name) => name.replaceAll("`", ""));
      const ownName = variables[0]!.replace("THROUGHLINE_", "").toLowerCase().replaceAll("_", "-");
      const isFlag = cells[0] !== "none";
      if (isFlag && cells[0] !== `\`--${ownName}\``) throw new Error(`${cells[0]} is not of ${variables[0]}`);
      return { name: ownName, isFlag, variables, initial: cells[2]!.replaceAll("`", ""), meaning: cells[3]! };
    });
}

describe("the table of settings", () => {
  test("says of every flag what the help says", async () => {
    const help = (await run(["serve", "--help"])).stdout;
    const described = new Map<string, string>();
    for (const entry of help.matchAll(/^ {2}(?:-\w,)?--([a-z-]+)([^\n]*(?:\n {28}[^\n]*)*)/gm)) {
      described.set(entry[1]!, entry[2]!.replace(/\s+/g, " ").trim());
    }
    described.delete("help");
    const rows = settings();
    expect(rows.filter((row) => row.isFlag).map((row) => row.name).sort()).toEqual([...described.keys()].sort());
    for (const row of rows.filter((one) => one.isFlag)) {
      const also = row.variables.slice(1).join(", ");
      const isSwitch = row.initial === "false";
      const expected =
        row.meaning + (row.initial && !isSwitch ? ` (default ${row.initial})` : "") + (also && ` (also ${also})`);
      expect(described.get(row.name)!.endsWith(expected), `${row.name}: ${described.get(row.name)}`).toBe(true);
    }
  });

  test("has the defaults, in the order in which they are shown", async () => {
    const shown = await run(["config"]);
    expect(shown.stderr).toBe("");
    const values = new Map<string, string>();
    for (const line of shown.stdout.slice(0, shown.stdout.indexOf("\nProviders")).split("\n")) {
      const match = line.match(/^ {2}([a-z-]+) +(\S+) +default$/);
      if (match) values.set(match[1]!, match[2]!);
    }
    const rows = settings();
    expect(rows.map((row) => row.name)).toEqual([...values.keys()]);
    for (const row of rows) {
      const expected = row.name === "data-dir" ? join(home, ".local/share/throughline") : row.initial || "-";
      expect(`${row.name} ${values.get(row.name)}`).toBe(`${row.name} ${expected}`);
    }
  });

  test("names variables that are read", async () => {
    const checks = settings().flatMap((row) => row.variables.map((variable) => ({ row, variable })));
    const example = readFileSync(join(root, ".env.example"), "utf8").matchAll(/^#([A-Z_]+)=/gm);
    const names = [...example].map((match) => match[1]!).filter((name) => !name.endsWith("_FILE"));
    expect(checks.map(({ variable }) => variable).sort()).toEqual(names.sort());
    for (const { row, variable } of checks) {
      const outcome = await run(["config"], { [variable]: "redis://127.0.0.1/0" });
      expect(outcome.stdout + outcome.stderr, row.name).toContain(`${variable} in the environment`);
    }
  });
});

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(page: string): string[] {
  return [...page.matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"),
  );
}

describe("the pages", () => {
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
  const pages = ["README.md", "CONTRIBUTING.md", ...docs.filter((name) => name.endsWith(".md")).map((name) => join("docs", name))];

  test.each(pages)("%s points only at what exists", (name) => {
    const text = readFileSync(join(root, name), "utf8").replace(/^```[\s\S]*?^```$/gm, "");
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [path, anchor] = target!.split("#");
      const file = path ? join(root, dirname(name), path) : join(root, name);
      expect(existsSync(file), `${target} in ${name}`).toBe(true);
      if (anchor) expect(anchors(readFileSync(file, "utf8")), `${target} in ${name}`).toContain(anchor);
    }
  });

  test("the invariants name tests that exist", () => {
    const rows = [...readFileSync(join(root, "docs/invariants.md"), "utf8").matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)];
    expect(rows.length).toBeGreaterThan(40);
    for (const [, file, name] of rows) {
      const source = readFileSync(join(root, file!), "utf8");
      const declared = source.includes(`"${name}"`) || source.includes(`, ${name})`);
      expect(declared, `${name} in ${file}`).toBe(true);
    }
  });
});
