/** Time as the store sees it, so that tests decide what time it is. */
export interface Clock {
  /** Milliseconds, like `Date.now()`. */
  now(): number;
  /** Calls `run` once after so many milliseconds. Returns what ends the waiting. */
  after(milliseconds: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};
