// A model with good answers, for pictures: each question has its own, and one of them can be held in the middle.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Story {
  question: string;
  reasoning?: string;
  answer: string;
  /** Says only so many characters, and then waits. */
  heldAt?: number;
}

export async function startStoryteller(stories: readonly Story[]): Promise<{ base: string; stop(): void }> {
  const server = createServer(async (request, reply) => {
    if (request.method !== "POST") {
      const data = [{ id: "mock", object: "model" }];
      return void reply.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ object: "list", data }));
    }
    let body = "";
    for await (const piece of request) body += String(piece);
    const { messages } = JSON.parse(body) as { messages: { role: string; content: string }[] };
    const story = stories.find((one) => one.question === messages.at(-1)?.content);
    const say = (delta: object, finish: string | null = null) => {
      reply.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`);
    };
    reply.writeHead(200, { "Content-Type": "text/event-stream" });
    if (story?.reasoning) say({ reasoning_content: story.reasoning });
    const answer = story?.answer ?? "I have no answer to that.";
    const end = story?.heldAt ?? answer.length;
    for (let at = 0; at < end; at += 24) say({ content: answer.slice(at, Math.min(at + 24, end)) });
    if (story?.heldAt !== undefined) return;
    say({}, "stop");
    reply.write(`data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 41, completion_tokens: Math.ceil(answer.length / 4), total_tokens: 41 + Math.ceil(answer.length / 4) } })}\n\n`);
    reply.end("data: [DONE]\n\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
