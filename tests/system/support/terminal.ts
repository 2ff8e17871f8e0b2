// A program in a pseudo-terminal of its own, made by util-linux's `script`: keys are typed as bytes, and what a person
// would see is waited for. Ended by its id.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { binary, cleanEnvironment, until } from "./process.ts";

export const ctrlC = "\x03";
export const ctrlD = "\x04";

const open = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of open) child.kill("SIGKILL");
});

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

export class Terminal {
  private text = "";
  private read = 0;
  private readonly child: ChildProcess;
  private readonly listeners = new Set<() => void>();
  readonly ended: Promise<number | string>;

  constructor(args: string[], options: { env?: Record<string, string>; cwd?: string } = {}) {
    // The shell is replaced, so that the program is the only one that Ctrl-C reaches.
    const command = ["exec", ...[binary, ...args].map(quoted)].join(" ");
    this.child = spawn("script", ["-qfec", command, "/dev/null"], {
      env: cleanEnvironment(options.env),
      cwd: options.cwd,
      stdio: ["pipe", "pipe", "inherit"],
    });
    open.add(this.child);
    const decoder = new StringDecoder("utf8");
    this.child.stdout!.on("data", (piece: Buffer) => {
      this.text += decoder.write(piece);
      for (const listener of this.listeners) listener();
    });
    // A key typed after the end goes nowhere.
    this.child.stdin!.on("error", () => {});
    this.ended = once(this.child, "close").then(([code, signal]) => {
      open.delete(this.child);
      for (const listener of this.listeners) listener();
      return (signal as string | null) ?? (code as number);
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The process in the terminal. */
  program(): Promise<number> {
    return until("the program in the terminal", () => {
      const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, "utf8").trim();
      return children !== "" && Number(children.split(" ")[0]);
    });
  }

  /** Everything shown, with the line ends that the program wrote. */
  output(): string {
    return this.text.replaceAll("\r\n", "\n");
  }

  /** What was shown since the end of the last wait. */
  unread(): string {
    return this.output().slice(this.read);
  }

  type(keys: string): void {
    this.child.stdin!.write(keys);
  }

  /** Waits for `wanted` in what was not read yet; gives what was shown up to its end, which is read by that. */
  waitFor(wanted: string | RegExp, patience = 20_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        this.listeners.delete(look);
      };
      const fail = (why: string) => {
        finish();
        reject(new Error(`${why} while waiting for ${JSON.stringify(String(wanted))}; shown since:\n${this.unread()}`));
      };
      const timer = setTimeout(() => fail(`${patience} ms passed`), patience);
      const look = () => {
        const unread = this.unread();
        const match = typeof wanted === "string" ? { index: unread.indexOf(wanted), 0: wanted } : wanted.exec(unread);
        if (match && match.index >= 0) {
          finish();
          const shown = unread.slice(0, match.index + match[0].length);
          this.read += shown.length;
          resolve(shown);
        } else if (!open.has(this.child)) fail("it ended");
      };
      this.listeners.add(look);
      look();
    });
  }

  /** Hangs up. */
  async close(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}
