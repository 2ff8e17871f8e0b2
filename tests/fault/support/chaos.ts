// A chaos proxy of a test: `throughline chaos-proxy` as a process of its own, and its control port.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type Running, start } from "../../system/support/process.ts";

export interface Status {
  open: number;
  accepted: number;
  up: number;
  down: number;
}

export interface ChaosOptions {
  /** See `throughline chaos-proxy --help`. */
  rules?: string;
  bufferBytes?: number;
}

export class Chaos {
  readonly port: number;
  private readonly running: Running;
  private readonly control: Socket;
  private received = "";
  private readonly waiting: ((reply: string) => void)[] = [];

  constructor(port: number, running: Running, control: Socket) {
    this.port = port;
    this.running = running;
    this.control = control;
    control.setEncoding("utf8");
    control.on("data", (piece: string) => {
      this.received += piece;
      for (let end = this.received.indexOf("\n"); end >= 0; end = this.received.indexOf("\n")) {
        this.waiting.shift()?.(this.received.slice(0, end));
        this.received = this.received.slice(end + 1);
      }
    });
    control.on("error", () => {});
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  private async command(line: string): Promise<string> {
    const reply = await new Promise<string>((resolve) => {
      this.waiting.push(resolve);
      this.control.write(`${line}\n`);
    });
    if (!reply.startsWith("ok")) throw new Error(`the chaos proxy answered "${reply}" to "${line}"`);
    return reply;
  }

  /** For all connections, those that are open and those to come; nothing: everything passes again. */
  async set(rules = ""): Promise<void> {
    await this.command(`set ${rules}`);
  }
  /** For connections to come. */
  async next(rules = ""): Promise<void> {
    await this.command(`next ${rules}`);
  }
  /** Ends all connections. */
  async cut(how: "cut" | "reset" = "cut"): Promise<void> {
    await this.command(how);
  }
  async status(): Promise<Status> {
    const reply = await this.command("status");
    const of = (name: string) => Number(reply.match(new RegExp(`${name}=(\\d+)`))![1]);
    return { open: of("open"), accepted: of("accepted"), up: of("up"), down: of("down") };
  }

  async stop(): Promise<void> {
    this.control.destroy();
    await this.running.end("SIGKILL");
  }
}

/** A proxy before each of several servers, which all behave alike. */
export class Fronts {
  private readonly each: Chaos[];
  private turn = 0;

  private constructor(each: Chaos[]) {
    this.each = each;
  }

  static async before(urls: readonly string[]): Promise<Fronts> {
    return new Fronts(await Promise.all(urls.map((url) => startChaos(url))));
  }

  /** Each time another one. */
  readonly somewhere = (): string => this.each[this.turn++ % this.each.length]!.url;

  async set(rules = ""): Promise<void> {
    await Promise.all(this.each.map((one) => one.set(rules)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.each.map((one) => one.stop()));
  }
}

/** `to`: a URL or a port of this machine. */
export async function startChaos(to: string | number, options: ChaosOptions = {}): Promise<Chaos> {
  const target = typeof to === "number" ? `127.0.0.1:${to}` : new URL(to).host;
  const running = start([
    "chaos-proxy", "--listen", "127.0.0.1:0", "--to", target, "--control", "127.0.0.1:0",
    ...(options.rules === undefined ? [] : ["--rules", options.rules]),
    ...(options.bufferBytes === undefined ? [] : ["--buffer-bytes", String(options.bufferBytes)]),
  ]);
  const match = await running.waitFor(/listening on \S+:(\d+)\ncontrol on \S+:(\d+)\n/);
  const control = connect(Number(match[2]), "127.0.0.1");
  await once(control, "connect");
  return new Chaos(Number(match[1]), running, control);
}
