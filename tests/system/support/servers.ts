// A real PostgreSQL and a real Redis for the tests of one process, from Debian's packages: on free ports, in temporary folders,
// ended by their id.
import { type ChildProcess, execFileSync, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leash, slowness, until } from "./process.ts";

/**
 * A free port that no outgoing connection is given by chance (those get 32768 and up), so that it is free again whenever its
 * server comes back.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const probe = createServer();
    const isFree = await Promise.race([
      once(probe.listen(port, "127.0.0.1"), "listening").then(() => true),
      once(probe, "error").then(() => false),
    ]);
    if (!isFree) continue;
    probe.close();
    await once(probe, "close");
    return port;
  }
}

const all = new Set<ChildProcess>();
const folders = new Set<string>();
process.on("exit", () => {
  for (const child of all) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function spawnOnLeash(program: string, args: string[], options: SpawnOptions): ChildProcess {
  const [first, ...rest] = [...leash, program, ...args];
  return spawn(first!, rest, options);
}

/** A server process that can be stopped, killed, halted and started again on the same port. */
abstract class Server {
  readonly port: number;
  readonly folder: string;
  protected child: ChildProcess | undefined;

  protected constructor(port: number, folder: string) {
    this.port = port;
    this.folder = folder;
    folders.add(folder);
  }

  /** With `more` arguments this time. */
  protected abstract spawn(more: string[]): ChildProcess;
  protected abstract answers(): Promise<boolean>;

  get pid(): number {
    return this.child!.pid!;
  }

  async start(more: string[] = []): Promise<void> {
    const child = this.spawn(more);
    this.child = child;
    all.add(child);
    child.once("close", () => all.delete(child));
    await until(`a server on port ${this.port}`, () => {
      if (!all.has(child)) throw new Error(`the server on port ${this.port} ended`);
      return this.answers();
    }, 20_000);
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  async end(name: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.child;
    if (child === undefined || !all.has(child)) return;
    const closed = once(child, "close");
    child.kill(name);
    await closed;
  }

  async dispose(): Promise<void> {
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
    folders.delete(this.folder);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

export class Redis extends Server {
  private readonly args: string[];

  private constructor(port: number, folder: string, args: string[]) {
    super(port, folder);
    this.args = args;
  }

  static async begin(args: string[] = []): Promise<Redis> {
    const redis = new Redis(await freePort(), mkdtempSync(join(tmpdir(), "throughline-redis-")), args);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  protected spawn(more: string[]): ChildProcess {
    const args = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.folder, "--save", "", "--appendonly", "no"];
    return spawnOnLeash("redis-server", [...args, ...this.args, ...more], { stdio: "ignore" });
  }

  protected async answers(): Promise<boolean> {
    return (await accepts(this.port)) && this.cli("PING").trim() === "PONG";
  }

  /** Bytes that it uses for what it holds. */
  memory(): number {
    return Number(this.cli("INFO", "memory").match(/^used_memory:(\d+)/m)![1]);
  }

  /** `redis-cli SUBSCRIBE`, as a person types it. */
  listen(channel: string): { output(): string; end(): Promise<void> } {
    const child = spawn("redis-cli", ["-p", String(this.port), "SUBSCRIBE", channel], { stdio: ["ignore", "pipe", "ignore"] });
    all.add(child);
    let text = "";
    child.stdout!.on("data", (piece: Buffer) => (text += piece.toString()));
    const closed = once(child, "close").then(() => void all.delete(child));
    return {
      output: () => text,
      end: async () => {
        child.kill("SIGKILL");
        await closed;
      },
    };
  }

  /** What redis-cli prints. */
  cli(...words: string[]): string {
    try {
      return execFileSync("redis-cli", ["-p", String(this.port), ...words], { encoding: "utf8", timeout: 10_000 * slowness });
    } catch (error) {
      return String(error);
    }
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
    } catch {
      return false; // it has ended
    }
  });
}

/** Debian keeps the programs of each version in a folder of its own. */
function programs(): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  if (versions.length === 0) throw new Error("PostgreSQL is missing: ./dev test installs it");
  return join(root, versions[0]!, "bin");
}

/** It refuses to run as root. */
function servant(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const number = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: number("-u"), gid: number("-g") };
}

const psqlDecorations = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"];

/** What psql prints for statements, without decoration; rejects with what it complains of. `options`: as in PGOPTIONS. */
export async function psql(url: string, text: string, options = ""): Promise<string> {
  const child = spawn(join(programs(), "psql"), [url, ...psqlDecorations, "-c", text], {
    env: { ...process.env, PGOPTIONS: options, PGCONNECT_TIMEOUT: "10" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  all.add(child);
  let [printed, complained] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (printed += piece));
  child.stderr.setEncoding("utf8").on("data", (piece: string) => (complained += piece));
  const [code] = (await once(child, "close")) as [number | null];
  all.delete(child);
  if (code !== 0) throw new Error(`psql: ${complained.trim()}`);
  return printed.trim();
}

let databases = 0;

export class Postgres extends Server {
  private readonly settings: string[];

  private constructor(port: number, folder: string, settings: string[]) {
    super(port, folder);
    this.settings = settings;
  }

  /** With settings like `fsync=off`. */
  static async begin(settings: string[] = []): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), "throughline-postgres-"));
    const { uid, gid } = servant();
    if (uid !== undefined) chownSync(folder, uid, gid!);
    const data = join(folder, "data");
    execFileSync(join(programs(), "initdb"), ["-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"], { ...servant(), cwd: folder, stdio: "ignore" });
    const postgres = new Postgres(await freePort(), folder, settings);
    await postgres.start();
    return postgres;
  }

  protected spawn(more: string[]): ChildProcess {
    const args = ["-D", join(this.folder, "data"), "-p", String(this.port), "-k", this.folder, "-c", "listen_addresses=127.0.0.1",
      "-c", "max_connections=200", ...[...this.settings, ...more].flatMap((setting) => ["-c", setting])];
    return spawnOnLeash(join(programs(), "postgres"), args, { ...servant(), cwd: this.folder, stdio: "ignore" });
  }

  protected async answers(): Promise<boolean> {
    if (!(await accepts(this.port))) return false;
    try {
      this.sql("SELECT 1");
      return true;
    } catch {
      return false; // it is starting up
    }
  }

  /** Halts (SIGSTOP) or continues (SIGCONT) the server with all its processes. */
  signalAll(name: "SIGSTOP" | "SIGCONT"): void {
    // The one that makes others first, so that none is left out; the same way back costs nothing.
    this.signal(name);
    for (const pid of childrenOf(this.pid)) process.kill(pid, name);
  }

  /** What psql prints for a statement, without decoration; throws what it complains of. */
  sql(text: string, database = "postgres"): string {
    const args = ["-h", "127.0.0.1", "-p", String(this.port), "-U", "postgres", "-d", database, ...psqlDecorations, "-c", text];
    return execFileSync(join(programs(), "psql"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  }

  /** A new empty database; its URL. */
  newDatabase(): string {
    const name = `chat_${++databases}`;
    this.sql(`CREATE DATABASE ${name}`);
    return this.url(name);
  }

  url(database: string): string {
    return `postgresql://postgres@127.0.0.1:${this.port}/${database}`;
  }
}

let postgres: Promise<Postgres> | undefined;

/** One for all tests of a file. */
export function sharedPostgres(): Promise<Postgres> {
  postgres ??= Postgres.begin();
  return postgres;
}

/** Ends it, if there is one (support/after.ts does it). */
export async function endSharedPostgres(): Promise<void> {
  await (await postgres?.catch(() => undefined))?.dispose();
  postgres = undefined;
}
