/** Server-sent events out of a stream of bytes, however it is cut. */
import { createParser } from "eventsource-parser";

export type SseItem =
  | {
      readonly kind: "event";
      /** `message` where the server names none. */
      readonly event: string;
      /** Null: this event had no id line, so the position stays. */
      readonly id: string | null;
      readonly data: string;
    }
  /** The server's word on when to come back, in milliseconds. */
  | { readonly kind: "retry"; readonly milliseconds: number }
  /** A sign of life. */
  | { readonly kind: "comment" };

/** A longest event in characters; every message of the engine is far below. */
export const event_length_max = 8 * 1024 * 1024;

/**
 * Yields everything of one piece of bytes at once, so that a burst costs one step of the event loop. Ends with the stream; what
 * is unfinished then is dropped. Throws when the stream breaks, or an event is longer than `longest`. Leaving the loop early
 * cancels the stream.
 */
export async function* readSse(
  bytes: ReadableStream<Uint8Array>,
  longest = event_length_max,
): AsyncGenerator<readonly SseItem[], void, undefined> {
  let items: SseItem[] = [];
  let failure: Error | null = null;
  const parser = createParser({
    maxBufferSize: longest,
    onEvent: ({ event, id, data }) =>
      items.push({ kind: "event", event: event ?? "message", id: id ?? null, data }),
    onRetry: (milliseconds) => items.push({ kind: "retry", milliseconds }),
    onComment: () => items.push({ kind: "comment" }),
    onError: (error) => {
      // Fields nobody knows are ignored, as the format demands.
      if (error.type === "max-buffer-size-exceeded") failure = new Error("An event is too long");
    },
  });
  const decoder = new TextDecoder();
  const reader = bytes.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      if (failure !== null) throw failure;
      if (items.length === 0) continue;
      yield items;
      items = [];
    }
  } finally {
    // Also frees the connection when nobody reads on. A stream that broke has nothing to cancel.
    await reader.cancel().catch(() => {});
  }
}
