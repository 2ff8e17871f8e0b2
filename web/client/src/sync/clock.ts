/** Time and chance as this floor sees them, so that tests decide both. */
export interface Clock {
  /** Milliseconds, like `Date.now()`. */
  now(): number;
  /** Calls `run` once after so many milliseconds. Returns what ends the waiting; calling it late or twice is harmless. */
  after(milliseconds: number, run: () => void): () => void;
  /** At least 0, below 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
