// A model that a test speaks for, word by word, and a reader that says what has arrived of it: what lies between them and holds text
// back is found out.
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "./process.ts";
import { type Event, SseReader, type Transcript } from "./stream.ts";

/** A model that says a word when it is told to. */
export class SpokenModel {
  private readonly server: Server;
  private listener: ServerResponse | undefined;

  constructor() {
    this.server = createServer((incoming, reply) => {
      incoming.resume();
      reply.writeHead(200, { "Content-Type": "text/event-stream" });
      this.listener = reply;
    });
  }

  async begin(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** Until somebody has asked it. */
  isAsked(): Promise<true> {
    return until("a question to the model", () => this.listener !== undefined && true);
  }

  say(content: string): void {
    this.send({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  }

  end(): void {
    this.send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    this.listener!.end("data: [DONE]\n\n");
    this.listener = undefined;
  }

  private send(frame: object): void {
    this.listener!.write(`data: ${JSON.stringify(frame)}\n\n`);
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** A connection to a stream, whose events go into a transcript as they are waited for. */
export class Reader {
  private readonly frames = new SseReader();
  private readonly events: Event[] = [];
  private ended: string | undefined;
  readonly transcript: Transcript;

  constructor(source: NodeJS.ReadableStream, transcript: Transcript) {
    this.transcript = transcript;
    source.on("data", (piece: Buffer) => this.events.push(...this.frames.feed(piece.toString())));
    source.on("error", (error: Error) => (this.ended = error.message));
    source.on("close", () => (this.ended ??= "closed"));
  }

  /** Takes events until the content is so. */
  async reads(content: string): Promise<void> {
    await until(`"${content}", having ${JSON.stringify(this.transcript.content)}`, () => {
      const event = this.events.shift();
      if (event) this.transcript.take(event);
      else if (this.ended) throw new Error(`the stream ended (${this.ended}) at ${JSON.stringify(this.transcript.content)}`);
      return this.transcript.content === content;
    });
  }

  /** Takes what there is; whether the content is so now. */
  hasRead(content: string): boolean {
    for (const event of this.events.splice(0)) this.transcript.take(event);
    return this.transcript.content === content;
  }

  /** Whether there is nothing more to take, and not the end of the answer either. */
  hasEndedEarly(): boolean {
    return this.ended !== undefined && this.events.length === 0 && this.transcript.terminal === undefined;
  }

  async readsTheEnd(): Promise<void> {
    await until("the end of the answer", () => {
      for (const event of this.events.splice(0)) this.transcript.take(event);
      return this.transcript.terminal !== undefined;
    });
  }

  hasEnded(): Promise<string> {
    return until("the end of the connection", () => this.ended);
  }
}

/** The configuration of a server whose model is this one; it has the demo as well. */
export const configurationFor = (modelUrl: string) => `
  default_model = "spoken/word"
  [providers.spoken]
  kind = "openai"
  base_url = "${modelUrl}"
  models = ["word"]
  [providers.demo]
`;
