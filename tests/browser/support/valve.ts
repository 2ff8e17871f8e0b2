// A model that says as many words as the test has let through, and no more: what a test sees in the page meanwhile depends on no
// clock. Its words are those of the mock model (` 7:word`), and differ from one attempt to the next.
import type { RawModel, RawReply } from "../../fault/support/raw_model.ts";
import { freshKey } from "../../system/support/model.ts";

const vocabulary = ["stream", "Häuser", "naïve", "日本語", "🙂", "текст", "chunk", "Größe"];

export class Valve {
  readonly key = freshKey();
  private allowed = 0;
  private ends = false;
  private changed = Promise.withResolvers<void>();

  constructor(raw: RawModel) {
    raw.script(this.key, (reply) => this.answer(reply));
  }

  /** The question that this answers. */
  get question(): string {
    return JSON.stringify({ mock: { key: this.key, script: this.key } });
  }

  /** Lets so many words through, counted from the beginning of each attempt. */
  allow(words: number): void {
    this.allowed = Math.max(this.allowed, words);
    this.wake();
  }

  /** Lets so many words through, and then the end. */
  finish(words = this.allowed): void {
    this.ends = true;
    this.allow(words);
  }

  private wake(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers<void>();
  }

  private async answer(reply: RawReply): Promise<void> {
    await reply.head();
    for (let n = 0; !reply.socket.destroyed; ) {
      if (n < this.allowed) {
        await reply.text(`${n === 0 ? "" : " "}${n}:${vocabulary[(n * 5 + reply.attempt * 3) % vocabulary.length]}`);
        n++;
      } else if (this.ends) {
        await reply.whole();
        return;
      } else await Promise.race([this.changed.promise, reply.gone()]);
    }
  }
}
