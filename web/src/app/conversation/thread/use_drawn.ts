import type { ConversationStore } from "@throughline/client";
import { startTransition, useEffect, useState } from "react";

/** What these take in height at least, in pixels, on a wide page, which needs most of them. */
const perMessage = 60;
const perCharacter = 0.3;
const perParagraph = 28;
/** An item of a list, a row of a table, a heading, a quote. */
const perLine = 24;
/** Code scrolls in a box of its own: however long it is, a text with a fence may be no higher. In windows. */
const boxed = 0.5;
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
    filled += heightOf(textOf(thread[index] ?? ""), height);
    if (filled >= height) return index;
  }
  return 0;
}

function heightOf(text: string, window: number): number {
  const paragraphs = text.match(/\n\n/g)?.length ?? 0;
  const lines = text.match(/^ *(?:[-*+|>]|#|\d+[.)])/gm)?.length ?? 0;
  const tall = text.length * perCharacter + paragraphs * perParagraph + lines * perLine;
  return perMessage + (text.includes("```") ? Math.min(tall, window * boxed) : tall);
}
