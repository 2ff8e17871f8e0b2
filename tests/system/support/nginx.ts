// Debian's nginx with deploy/nginx.conf as it stands: only names of servers, ports and folders are others. An ordinary process in
// the foreground, with a certificate made for it, ended by its id.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent, request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./process.ts";
import { freePort } from "./servers.ts";

/** The name in the file, under which people reach the server. */
export const publicName = "chat.example.org";
const program = "/usr/sbin/nginx";

// By SIGTERM: only its first process could be killed, and that ends the others.
const all = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of all) child.kill("SIGTERM");
});

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** A certificate for publicName and localhost that nobody vouches for; its two files. */
export function makeCertificate(folder: string): { certificate: string; key: string } {
  const certificate = join(folder, "fullchain.pem");
  const key = join(folder, "privkey.pem");
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${publicName}`,
    "-addext", `subjectAltName=DNS:${publicName},DNS:localhost,IP:127.0.0.1`, "-keyout", key, "-out", certificate,
  ], { stdio: "ignore" });
  return { certificate, key };
}

/** deploy/nginx.conf with other values; each must be in it. */
function adapted(replacements: [from: string | RegExp, to: string][]): string {
  let text = readFileSync(new URL("../../../deploy/nginx.conf", import.meta.url), "utf8");
  for (const [from, to] of replacements) {
    const changed = text.replaceAll(from, to);
    if (changed === text) throw new Error(`deploy/nginx.conf has no ${from}`);
    text = changed;
  }
  return text;
}

export class Nginx {
  readonly port: number;
  readonly plainPort: number;
  readonly certificate: string;
  private readonly folder: string;
  private readonly child: ChildProcess;
  private said = "";
  private readonly agent: Agent;

  private constructor(folder: string, ports: [number, number], certificate: string) {
    this.folder = folder;
    [this.port, this.plainPort] = ports;
    this.certificate = certificate;
    this.agent = new Agent({ keepAlive: true, ca: readFileSync(certificate) });
    this.child = spawn(program, ["-c", join(folder, "nginx.conf"), "-p", folder, "-e", "stderr", "-g", `daemon off; pid ${join(folder, "pid")};`],
      { stdio: ["ignore", "ignore", "pipe"] });
    all.add(this.child);
    this.child.stderr!.on("data", (piece: Buffer) => (this.said += piece.toString()));
    this.child.once("close", () => all.delete(this.child));
  }

  /** In front of two servers, `host:port` each. */
  static async begin(servers: [string, string]): Promise<Nginx> {
    const folder = mkdtempSync(join(tmpdir(), "throughline-nginx-"));
    const ports: [number, number] = [await freePort(), await freePort()];
    const { certificate } = makeCertificate(folder);
    const text = adapted([
      ["api-1:8080", servers[0]],
      ["api-2:8080", servers[1]],
      [/^ *listen \[::\]:.*\n/gm, ""], // not every machine has IPv6
      ["listen 443", `listen 127.0.0.1:${ports[0]}`],
      ["listen 80", `listen 127.0.0.1:${ports[1]}`],
      ["/etc/nginx/tls", folder],
      ["/var/log/nginx", folder],
    ]);
    writeFileSync(join(folder, "nginx.conf"), text);
    const nginx = new Nginx(folder, ports, certificate);
    await until("nginx accepts", () => {
      if (nginx.child.exitCode !== null) throw new Error(`nginx ended: ${nginx.said}`);
      return accepts(ports[0]);
    });
    return nginx;
  }

  get url(): string {
    return `https://localhost:${this.port}`;
  }

  /** What it logged of requests and of itself. */
  log(): string {
    return ["access.log", "error.log"].map((name) => readFileSync(join(this.folder, name), "utf8")).join("") + this.said;
  }

  /** Sends a request as a client that knows the server by its public name, from an address of this machine. Resolves with the head. */
  async open(method: string, path: string, body?: string, headers: Record<string, string> = {}, from = "127.0.0.1"): Promise<IncomingMessage> {
    const options: RequestOptions & { servername: string } = {
      host: "127.0.0.1", port: this.port, localAddress: from, method, path, agent: this.agent, servername: publicName,
      headers: { Host: publicName, ...(body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": String(Buffer.byteLength(body)) }), ...headers },
    };
    const sent = request(options);
    sent.end(body);
    const [reply] = (await once(sent, "response")) as [IncomingMessage];
    return reply;
  }

  async call(method: string, path: string, body?: string, headers: Record<string, string> = {}, from?: string): Promise<Answer> {
    const reply = await this.open(method, path, body, headers, from);
    let text = "";
    for await (const piece of reply.setEncoding("utf8")) text += piece;
    return { status: reply.statusCode!, headers: reply.headers, text };
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    const closed = once(this.child, "close");
    this.child.kill("SIGTERM");
    await closed;
    rmSync(this.folder, { recursive: true, force: true });
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
