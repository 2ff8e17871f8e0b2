// A proxy between a client and a server that does one thing wrong, as proxies do.
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createGzip } from "node:zlib";

export interface Faults {
  /** Holds a response back until it is over. */
  buffers?: boolean;
  /** Compresses event streams, and holds back what the compressor has not given out. */
  compresses?: boolean;
  /** Does not pass these request headers on (lower case). */
  strips?: string[];
  /** Does not pass the query on. */
  stripsQuery?: boolean;
  /** Passes `Host` on as it came, as a proxy must before a browser. */
  keepsHost?: boolean;
  /** Answers this status to every POST. */
  refusesPosts?: number;
  /** Ends the responses to this path behind their first bytes. */
  ends?: string;
  /** Changes the bytes of event streams. */
  changes?: (piece: Buffer) => Buffer;
}

export interface Proxy {
  url: string;
  close(): Promise<void>;
}

export async function startProxy(to: string, faults: Faults): Promise<Proxy> {
  const target = new URL(to);
  const server: Server = createServer((incoming, outgoing) => {
    if (faults.refusesPosts && incoming.method === "POST") {
      outgoing.writeHead(faults.refusesPosts).end("<h1>Not here</h1>");
      return;
    }
    const headers: Record<string, string | string[] | undefined> = { ...incoming.headers, ...(faults.keepsHost ? {} : { host: target.host }) };
    for (const name of faults.strips ?? []) delete headers[name];
    const path = faults.stripsQuery ? incoming.url!.split("?")[0]! : incoming.url!;
    const behind = request(
      { host: target.hostname, port: target.port, method: incoming.method, path, headers },
      (reply) => {
        pass(reply, outgoing, faults);
        if (path === faults.ends) {
          reply.once("data", () => {
            reply.removeAllListeners("data").resume();
            outgoing.end();
          });
        }
      },
    );
    behind.on("error", () => outgoing.destroy());
    outgoing.on("close", () => behind.destroy());
    incoming.pipe(behind);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

function pass(reply: IncomingMessage, outgoing: import("node:http").ServerResponse, faults: Faults): void {
  const isStream = reply.headers["content-type"]?.startsWith("text/event-stream") === true;
  const headers = { ...reply.headers };
  reply.on("error", () => outgoing.destroy());
  if (!isStream) {
    outgoing.writeHead(reply.statusCode!, headers);
    reply.pipe(outgoing);
  } else if (faults.compresses) {
    headers["content-encoding"] = "gzip";
    outgoing.writeHead(reply.statusCode!, headers);
    outgoing.flushHeaders();
    reply.pipe(createGzip()).pipe(outgoing);
  } else if (faults.buffers) {
    const pieces: Buffer[] = [];
    reply.on("data", (piece: Buffer) => pieces.push(piece));
    reply.on("end", () => {
      outgoing.writeHead(reply.statusCode!, headers);
      outgoing.end(Buffer.concat(pieces));
    });
  } else {
    outgoing.writeHead(reply.statusCode!, headers);
    outgoing.flushHeaders();
    reply.on("data", (piece: Buffer) => outgoing.write(faults.changes ? faults.changes(piece) : piece));
    reply.on("end", () => outgoing.end());
  }
}
