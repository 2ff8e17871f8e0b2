/** Time that passes when a test says so. */
import type { Clock } from "../clock.ts";

export class ManualClock implements Clock {
  #now = 1_000_000;
  #next = 0;
  readonly #waiting = new Map<number, { at: number; run: () => void }>();
  chance = 0.5;

  now(): number {
    return this.#now;
  }

  random(): number {
    this.#next += 1;
    return (this.chance + this.#next * 0.000_001) % 1;
  }

  after(milliseconds: number, run: () => void): () => void {
    const key = ++this.#next;
    this.#waiting.set(key, { at: this.#now + milliseconds, run });
    return () => void this.#waiting.delete(key);
  }

  /** Everything that is due on the way runs in its order, and what follows from it is waited for. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    await settle();
    for (;;) {
      const due = [...this.#waiting]
        .filter(([, { at }]) => at <= until)
        .sort((left, right) => left[1].at - right[1].at || left[0] - right[0])[0];
      if (due === undefined) break;
      this.#waiting.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].run();
      await settle();
    }
    this.#now = until;
  }

  /** The machine sleeps: time passes, nothing runs. */
  sleep(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

/** Until nothing happens any more that waits for no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve));
}
