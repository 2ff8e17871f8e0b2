// A model that says a given text, cut where it is told: what is too long or too strange for a question that carries it.
import type { RawModel } from "../../fault/support/raw_model.ts";
import { freshKey } from "../../system/support/model.ts";

/** The question that `raw` answers with these pieces, one chunk each. */
export function speech(raw: RawModel, pieces: readonly string[]): { key: string; question: string } {
  const key = freshKey();
  raw.script(key, async (reply) => {
    await reply.head();
    for (const piece of pieces) await reply.text(piece);
    await reply.whole();
  });
  return { key, question: JSON.stringify({ mock: { key, script: key } }) };
}

/** A text in pieces of so many characters; pairs of surrogates stay whole. */
export function cutUp(text: string, size: number): string[] {
  const letters = Array.from(text);
  return Array.from({ length: Math.ceil(letters.length / size) }, (_, n) => letters.slice(n * size, (n + 1) * size).join(""));
}
