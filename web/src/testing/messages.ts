/** Messages in every state a message can be in, as the store would show them. */
import type { MessageView, Problem } from "@throughline/client";

let made = 0;

/** A finished message; `more` says what is different about it. Keys are unique within the page. */
export function message(
  role: MessageView["role"],
  content: string,
  more: Partial<MessageView> = {},
): MessageView {
  made += 1;
  const key = more.key ?? `m${made}`;
  return {
    key,
    id: `0199-${key}`,
    role,
    status: "completed",
    content,
    reasoning: "",
    live: false,
    attempt: 1,
    restart: null,
    queuePlace: null,
    error: null,
    problem: null,
    retry: null,
    branch: { index: 0, count: 1 },
    model: role === "assistant" ? "demo" : null,
    finishReason: role === "assistant" ? "stop" : null,
    usage:
      role === "assistant"
        ? { input_tokens: 42, output_tokens: 310, total_tokens: 352, estimated: false }
        : null,
    ttftMs: role === "assistant" ? 412 : null,
    latencyMs: role === "assistant" ? 6_230 : null,
    createdAt: Date.now() - 60_000,
    position: role === "assistant" ? "1-127" : "",
    ...more,
  };
}

/** Merges into an answer what is not known of one that has not ended. */
export const unfinished = { finishReason: null, usage: null, latencyMs: null } as const;

export function problem(code: string, detail: string, status = 503): Problem {
  return { code, status, title: detail, detail, request_id: "req-7f3a", retry_after_ms: null };
}

export const proseAnswer = `A resumable stream is an **ordered log** with a reader's position in it. The reader keeps two things: the text it has, and the index of the last chunk it applied.

1. The writer numbers each chunk before anybody sees it.
2. The reader takes a chunk only if it is the next one.
3. After a gap it asks again, from its position.

\`\`\`ts
function accept(position: number, chunk: { index: number }): boolean {
  return chunk.index === position + 1;
}
\`\`\`

Nothing else is needed: the connection may break anywhere, and the text is always the same.`;

export const longReasoning =
  "The reader asks for the smallest state that makes a resume exact. Text alone is not enough, since the server cannot know where it ends. " +
  "A count of bytes would do, but chunks are what the log numbers, so the index of the last chunk is the natural choice.\n\nAn example in TypeScript would help.";

/** A conversation in which every state of a message is to be seen, oldest first. */
export function everyState(): MessageView[] {
  const assistant = (content: string, more: Partial<MessageView>) => message("assistant", content, more);
  return [
    message("user", "What makes a stream resumable?"),
    assistant(proseAnswer, { reasoning: longReasoning, branch: { index: 1, count: 3 } }),
    message("user", "Shorter, please.\n\nTwo sentences at most, and no code.", {
      branch: { index: 0, count: 2 },
    }),
    assistant(
      "Number the chunks, and let the reader say the last number it has. Everything after that number",
      {
        status: "cancelled",
        finishReason: "cancelled",
      },
    ),
    message("user", "Go on."),
    assistant("The rest follows from the order of the log: whoever has chunk 41 is sent 42, 43 and", {
      ...unfinished,
      status: "error",
      error: {
        code: "provider_truncated",
        message: "The model broke off without saying that it had finished",
        retryable: true,
      },
    }),
    message("user", "And when the model cannot be reached at all?"),
    assistant("", {
      ...unfinished,
      status: "error",
      error: {
        code: "provider_unreachable",
        message: "The address of the model could not be connected to",
        retryable: true,
      },
      retry: { at: Date.now() + 25_000 },
    }),
    message("user", "With a wrong key?"),
    assistant("", {
      ...unfinished,
      status: "error",
      error: { code: "provider_unauthorized", message: "The key is missing or wrong", retryable: false },
    }),
    message("user", "What happens when the worker dies in the middle?"),
    assistant(
      "Another worker takes the task up within seconds and writes the answer again, from its start.",
      {
        attempt: 2,
        restart: "worker_lost",
        position: "2-31",
      },
    ),
    message("user", "List everything there is to know about logs."),
    assistant("A log is a sequence of records, each with a number that only grows. Records are appended", {
      finishReason: "length",
    }),
    message("user", "Which of these answers is the newest?"),
    assistant("This one is being written while you read it, and its thread is", {
      ...unfinished,
      status: "generating",
      live: true,
      reasoning: longReasoning,
    }),
    message("user", "One more after that."),
    assistant("", { ...unfinished, status: "queued", live: true, queuePlace: 2, ttftMs: null, position: "" }),
    message("user", "This one is on its way.", { status: "sending", id: null }),
    assistant("", { ...unfinished, status: "generating", live: true, ttftMs: null, position: "" }),
    message("user", "This one waits for the network.", { status: "waiting", id: null }),
    message("user", "This one was refused.", {
      status: "unsent",
      id: null,
      problem: problem("too_many_requests", "There are 20 answers under way; no more than that may be.", 429),
    }),
  ];
}

/** A conversation of that many messages, with texts of different lengths. */
export function longThread(count: number): MessageView[] {
  return Array.from({ length: count }, (_, index) => {
    const number = Math.floor(index / 2) + 1;
    return index % 2 === 0
      ? message("user", `Question ${number}: ${"and what of the next one? ".repeat(1 + (index % 3))}`)
      : message(
          "assistant",
          `Answer ${number}.\n\n${index % 5 === 1 ? proseAnswer : `${"A sentence of the answer that is long enough to wrap. ".repeat(1 + (index % 7))}`}`,
        );
  });
}
