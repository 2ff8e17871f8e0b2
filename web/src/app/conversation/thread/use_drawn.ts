import type { ConversationStore } from "@throughline/client";
import { startTransition, useEffect, useState } from "react";

/** What a message and one character of its text take in height at least, in pixels: of a wide page, which needs most. */
const perMessage = 60;
const perCharacter = 0.3;
/** Code, a table and a formula scroll in a box of their own: however long it is, a text with a fence may be one. In windows. */
const boxed = 0.5;
/** Somewhat more than what is seen, in windows. */
const atFirst = 1.2;
/** Messages that are drawn at once afterwards. */
const step = 8;

/**
 * The index from which on a thread is drawn. Who opens a conversation waits for what will be read, not for what is above it: at
 * first the messages from `startKey` on are drawn, or as many at the end as fill the window; those before follow a few at a
 * time once the first are seen. A virtual list sees to that itself: 0.
 */
export function useDrawnFrom(
  store: ConversationStore,
  thread: readonly string[],
  startKey: string | undefined,
  virtual: boolean,
): number {
  const [from, setFrom] = useState(() => {
    if (virtual) return 0;
    const enough = enoughFrom(thread, window.innerHeight, (key) => store.message(key).get()?.content ?? "");
    const start = startKey === undefined ? -1 : thread.indexOf(startKey);
    return start < 0 ? enough : Math.min(start, enough);
  });
  useEffect(() => {
    if (from === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    // A frame, and then what comes after it.
    const frame = requestAnimationFrame(() => {
      timer = setTimeout(() => startTransition(() => setFrom(Math.max(0, from - step))), 0);
    });
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
  }, [from]);
  // Another branch may be shorter.
  return Math.min(from, Math.max(0, thread.length - 1));
}

/** From which message on the end of a thread fills a window of that height for certain. */
export function enoughFrom(
  thread: readonly string[],
  height: number,
  textOf: (key: string) => string,
): number {
  let filled = 0;
  for (let index = thread.length - 1; index > 0; index -= 1) {
    const text = textOf(thread[index] ?? "");
    const tall = text.length * perCharacter;
    filled += perMessage + (text.includes("```") ? Math.min(tall, height * boxed) : tall);
    if (filled >= height * atFirst) return index;
  }
  return 0;
}
