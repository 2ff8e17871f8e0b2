import type { MessageView } from "@throughline/client";
import { countText, wordsOf } from "./message/numbers.ts";

/** What matters of an answer to somebody who does not see it. */
export interface Heard {
  readonly key: string;
  readonly live: boolean;
  readonly status: MessageView["status"];
}

/**
 * What is said, once, when an answer went from one state to another; null when nothing is. Text that arrives is never said: it
 * would be said for minutes. `before` is undefined when the answer was not there: an answer that had ended before the page
 * was opened is not said either.
 */
export function announcementOf(before: Heard | undefined, now: Heard, content: () => string): string | null {
  const began = now.live && now.status === "generating";
  if (before === undefined || before.key !== now.key) return began ? "Answer started" : null;
  if (began && before.status !== "generating") return "Answer started";
  if (!before.live || now.live) return null;
  switch (now.status) {
    case "completed":
      return `Answer finished, ${countText(wordsOf(content()), "word")}`;
    case "cancelled":
      return "Stopped";
    case "error":
      return "Answer failed";
    default:
      return null;
  }
}
