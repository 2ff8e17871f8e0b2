// A model that says a given text, cut where it is told: what is too long or too strange for a question that carries it.
import type { RawModel } from "../../fault/support/raw_model.ts";
import { freshKey } from "../../system/support/model.ts";

/** The question that `raw` answers with these pieces, one chunk each; so many a second, or as fast as it goes. */
export function speech(raw: RawModel, pieces: readonly string[], perSecond = Infinity): { key: string; question: string } {
  const key = freshKey();
  raw.script(key, async (reply) => {
    await reply.head();
    const began = performance.now();
    for (const [index, piece] of pieces.entries()) {
      const early = began + (index * 1000) / perSecond - performance.now();
      if (early > 1) await reply.pause(early);
      await reply.text(piece);
    }
    await reply.whole();
  });
  return { key, question: JSON.stringify({ mock: { key, script: key } }) };
}

/** A text in pieces of so many characters; pairs of surrogates stay whole. */
export function cutUp(text: string, size: number): string[] {
  const letters = Array.from(text);
  return Array.from({ length: Math.ceil(letters.length / size) }, (_, n) => letters.slice(n * size, (n + 1) * size).join(""));
}
