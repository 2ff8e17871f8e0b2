import type { Readable } from "@throughline/client";

export interface Settable<T> extends Readable<T> {
  set(value: T): void;
}

/** A Readable that a test or a scene sets by hand; listeners are called at once. */
export function settable<T>(first: T): Settable<T> {
  let value = first;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    set(next) {
      value = next;
      for (const listener of [...listeners]) listener();
    },
  };
}
