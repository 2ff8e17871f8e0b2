// A model whose every byte a test decides: what the mock model cannot say because it speaks proper HTTP and proper JSON. A
// question names the script that answers it; what a client should make of the bytes is noted by the script, so that the checker
// can compare.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Recorded } from "../../system/support/model.ts";

export type Script = (to: RawReply) => Promise<void> | void;

/** The reply to one request, as the script writes it. */
export class RawReply {
  /** Which request for this question it is: 1, 2, ... */
  readonly attempt: number;
  readonly socket: Socket;
  readonly record: Recorded;

  constructor(socket: Socket, record: Recorded, attempt: number) {
    this.socket = socket;
    this.record = record;
    this.attempt = attempt;
  }

  /** Bytes as they are. Resolves when there is room for more. */
  async bytes(bytes: string | Uint8Array): Promise<void> {
    if (this.socket.destroyed) return;
    if (this.socket.write(bytes)) return;
    await Promise.race([new Promise((drained) => this.socket.once("drain", drained)), this.gone()]);
  }

  head(fields: Record<string, string> = {}, status = "200 OK"): Promise<void> {
    const all = { "Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", ...fields };
    const lines = Object.entries(all).filter(([, value]) => value !== "").map(([name, value]) => `${name}: ${value}\r\n`);
    return this.bytes(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`);
  }

  /** A piece of the body in a chunk of its own. */
  chunk(piece: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(piece as string);
    return this.bytes(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]));
  }

  /** Text that the client is to see from now on, whatever the bytes look like. */
  says(text: string): void {
    this.record.sent_text += text;
  }

  /** A delta with `text`. */
  async text(text: string): Promise<void> {
    this.says(text);
    await this.chunk(delta(text));
  }

  finish(reason = "stop"): Promise<void> {
    return this.chunk(finish(reason));
  }

  /** The end of the body. */
  async end(): Promise<void> {
    await this.bytes("0\r\n\r\n");
    this.record.finished = true;
  }

  /** Finish reason, [DONE] and the end. */
  async whole(): Promise<void> {
    await this.finish();
    await this.chunk("data: [DONE]\n\n");
    await this.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
  close(): void {
    this.socket.end();
  }
  pause(ms: number): Promise<unknown> {
    return Promise.race([sleep(ms), this.gone()]);
  }
  /** Until the connection has ended, however it did. */
  gone(): Promise<void> {
    return new Promise((ended) => {
      if (this.socket.closed) ended();
      else this.socket.once("close", () => ended());
    });
  }
}

export function frame(object: unknown): string {
  return `data: ${JSON.stringify(object)}\n\n`;
}
export function delta(text: string): string {
  return frame({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }] });
}
export function finish(reason = "stop"): string {
  return frame({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
}

export class RawModel {
  readonly base: string;
  private readonly server: Server;
  private readonly scripts = new Map<string, Script>();
  private readonly all: Recorded[] = [];
  private readonly sockets = new Set<Socket>();
  /** Connections that were made. */
  connections = 0;

  constructor(server: Server) {
    this.server = server;
    this.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    server.on("connection", (socket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.setMaxListeners(0);
      socket.on("error", () => {});
      socket.on("close", () => this.sockets.delete(socket));
      void this.serve(socket);
    });
  }

  /** Questions that name `name` are answered by `script`. */
  script(name: string, script: Script): void {
    this.scripts.set(name, script);
  }

  /** As of the mock model: those that the checker compares with. */
  async requests(key?: string, _limit?: number): Promise<Recorded[]> {
    return this.all.filter((one) => key === undefined || one.key === key);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }

  private async serve(socket: Socket): Promise<void> {
    let received = Buffer.alloc(0);
    try {
      for await (const piece of socket as AsyncIterable<Buffer>) {
        received = Buffer.concat([received, piece]);
        for (;;) {
          const end = received.indexOf("\r\n\r\n");
          if (end < 0) break;
          const head = received.subarray(0, end).toString("latin1");
          const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
          if (received.length < end + 4 + length) break;
          const body = received.subarray(end + 4, end + 4 + length).toString();
          received = received.subarray(end + 4 + length);
          void this.answer(socket, head, body);
        }
      }
    } catch {
      // The client has broken the connection off: the record says so.
    }
  }

  private async answer(socket: Socket, head: string, body: string): Promise<void> {
    const path = head.split(" ")[1] ?? "";
    if (!head.startsWith("POST")) {
      socket.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const messages = (JSON.parse(body) as { messages: { role: string; content: string }[] }).messages;
    const asked = (JSON.parse(messages.at(-1)!.content) as { mock: { key: string; script: string } }).mock;
    const record: Recorded = {
      id: this.all.length + 1, key: asked.key, path, model: "raw", sent_text: "", sent_reasoning: "", finished: false,
      closed_by_client: false, messages, received_at_ms: Date.now(), closed_at_ms: null,
    };
    this.all.push(record);
    socket.on("close", () => {
      if (record.closed_at_ms !== null) return;
      record.closed_at_ms = Date.now();
      record.closed_by_client = !record.finished;
    });
    const script = this.scripts.get(asked.script);
    if (!script) throw new Error(`the raw model has no script ${asked.script}`);
    const attempt = this.all.filter((one) => one.key === asked.key).length;
    await script(new RawReply(socket, record, attempt));
    if (record.finished) record.closed_at_ms ??= Date.now();
  }
}

export async function startRawModel(): Promise<RawModel> {
  const server = createServer({ noDelay: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new RawModel(server);
}
