/**
 * Values that can be watched. A `View` is computed from the store's state when somebody asks for it, and keeps its object
 * until the outcome differs; a `Batch` tells the watchers of everything that changed, once per frame. A hundred chunks
 * between two frames cost a hundred `invalidate()`, which is a flag, and one computation.
 */
import { guarded } from "../sync/guarded.ts";
import type { Readable } from "./contract.ts";

/** When to tell the watchers: `run` is called once, later. */
export type FrameRequest = (run: () => void) => void;

export class Batch {
  readonly #request: FrameRequest;
  #changed = new Set<{ tell(): void }>();
  #requested = false;

  constructor(request: FrameRequest) {
    this.#request = request;
  }

  add(view: { tell(): void }): void {
    this.#changed.add(view);
    if (this.#requested) return;
    this.#requested = true;
    this.#request(() => this.flush());
  }

  flush(): void {
    this.#requested = false;
    const changed = this.#changed;
    this.#changed = new Set();
    for (const view of changed) view.tell();
  }
}

export class View<T> implements Readable<T> {
  readonly #batch: Batch;
  readonly #compute: (previous: T | undefined) => T;
  readonly #same: (left: T, right: T) => boolean;
  readonly #listeners = new Set<{ readonly call: () => void }>();
  #value: { readonly of: T } | null = null;
  #told: { readonly of: T } | null = null;
  #stale = true;

  /** `compute` is called with the previous value, which it may return to say that nothing changed. */
  constructor(
    batch: Batch,
    compute: (previous: T | undefined) => T,
    same: (left: T, right: T) => boolean = sameMembers,
  ) {
    this.#batch = batch;
    this.#compute = compute;
    this.#same = same;
  }

  get(): T {
    if (this.#value === null || this.#stale) {
      this.#stale = false;
      const next = this.#compute(this.#value?.of);
      if (this.#value === null || !this.#same(this.#value.of, next)) this.#value = { of: next };
    }
    return this.#value.of;
  }

  subscribe(call: () => void): () => void {
    if (this.#listeners.size === 0) {
      this.get();
      this.#told = this.#value;
    }
    const listener = { call };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** What it is computed from changed. */
  invalidate(): void {
    this.#stale = true;
    if (this.#listeners.size > 0) this.#batch.add(this);
  }

  /** For the batch alone. */
  tell(): void {
    this.get();
    if (this.#value === this.#told) return;
    this.#told = this.#value;
    for (const listener of [...this.#listeners]) guarded(listener.call);
  }
}

/** A value that is set. */
export class Cell<T> implements Readable<T> {
  readonly #view: View<T>;
  #current: T;

  constructor(batch: Batch, value: T, same: (left: T, right: T) => boolean = Object.is) {
    this.#current = value;
    this.#view = new View<T>(batch, () => this.#current, same);
  }

  get(): T {
    return this.#view.get();
  }

  set(value: T): void {
    this.#current = value;
    this.#view.invalidate();
  }

  subscribe(listener: () => void): () => void {
    return this.#view.subscribe(listener);
  }
}

/** The same object, or plain objects (or arrays) whose members are the same objects, one level deep. */
export function sameMembers(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const ours = Object.entries(left);
  const theirs = new Map(Object.entries(right));
  return (
    ours.length === theirs.size &&
    ours.every(([name, value]) => theirs.has(name) && Object.is(value, theirs.get(name)))
  );
}
