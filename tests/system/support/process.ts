// Processes of a test: started on free ports, waited for by a line they print, ended by their id.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

export const binary = resolve(process.env["THROUGHLINE_BINARY"] ?? "../../build/release/throughline");

/** All patience is multiplied by it: a build with a sanitizer takes its time. */
export const slowness = Number(process.env["TEST_SLOWNESS"] ?? 1);

/** What a test process is given of the machine's environment: nothing that configures a server. */
const inherited = ["PATH", "HOME", "TMPDIR", "LANG", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"];

export function cleanEnvironment(extra: Record<string, string> = {}): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of inherited) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...extra };
}

/** Begins a command line whose process does not outlive this one, however that ends. */
export const leash: string[] = existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "KILL"] : [];

export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything it has printed, both streams. */
  output(): string;
  /** The first match of `pattern` in its output. Rejects if it ends first or takes longer than `patience` ms. */
  waitFor(pattern: RegExp, patience?: number): Promise<RegExpMatchArray>;
  /** Sends a signal and waits for the end; the exit code, or the signal's name. */
  end(signal?: NodeJS.Signals): Promise<number | string>;
  readonly ended: Promise<number | string>;
}

const all = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of all) child.kill("SIGKILL");
});

export interface StartOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** Another build than `binary`. */
  binary?: string;
  /** A program, with arguments of its own, that runs the binary: `["prlimit", "--nofile=64"]`. */
  under?: string[];
}

export function start(args: string[], options: StartOptions = {}): Running {
  const program = options.binary ?? binary;
  if (!existsSync(program)) throw new Error(`${program} is missing: ./dev build`);
  const [first, ...rest] = [...leash, ...(options.under ?? []), program, ...args];
  const child = spawn(first!, rest, {
    env: cleanEnvironment(options.env),
    cwd: options.cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  all.add(child);
  let text = "";
  const listeners = new Set<() => void>();
  const grow = (piece: Buffer) => {
    text += piece.toString();
    for (const listener of listeners) listener();
  };
  child.stdout.on("data", grow);
  child.stderr.on("data", grow);
  const ended = once(child, "close").then(([code, signal]) => {
    all.delete(child);
    for (const listener of listeners) listener();
    return (signal as string | null) ?? (code as number);
  });
  return {
    child,
    pid: child.pid!,
    output: () => text,
    ended,
    waitFor: (pattern, patience = 20_000) =>
      new Promise((resolveWith, reject) => {
        const fail = (why: string) => {
          finish();
          reject(new Error(`${why} while waiting for ${pattern} of ${args.join(" ")}; it printed:\n${text}`));
        };
        const timer = setTimeout(() => fail(`${patience * slowness} ms passed`), patience * slowness);
        const look = () => {
          const match = text.match(pattern);
          if (match) {
            finish();
            resolveWith(match);
          } else if (!all.has(child)) fail("it ended");
        };
        const finish = () => {
          clearTimeout(timer);
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      }),
    end: async (signal = "SIGTERM") => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Several that are one to a test; what is asked about one is asked about the first. */
export function together(members: Running[]): Running {
  const first = members[0]!;
  return {
    child: first.child,
    pid: first.pid,
    ended: first.ended,
    output: () => members.map((member) => member.output()).join(""),
    waitFor: (pattern, patience) => Promise.any(members.map((member) => member.waitFor(pattern, patience))),
    end: async (signal) => {
      const ends = await Promise.all(members.map((member) => member.end(signal)));
      return ends[0]!;
    },
  };
}

/** Waits until `look` gives something other than undefined or false. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  patience = 15_000,
): Promise<T> {
  const deadline = performance.now() + patience * slowness;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`${patience * slowness} ms passed without: ${what}`);
    await new Promise((next) => setTimeout(next, 20));
  }
}
