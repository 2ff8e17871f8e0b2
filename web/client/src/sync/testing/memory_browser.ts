/** A browser with several tabs, in one process. */
import type { Channel, Locks, TabsGround } from "../tabs_ground.ts";

interface Holder {
  readonly tab: MemoryTab;
  readonly gained: () => void;
  readonly lost: () => void;
}

export class MemoryBrowser {
  readonly held = new Map<string, Holder>();
  readonly queues = new Map<string, Holder[]>();
  readonly ears = new Map<string, Set<{ tab: MemoryTab; hear: (message: unknown) => void }>>();

  tab(): MemoryTab {
    return new MemoryTab(this);
  }

  grantNext(name: string): void {
    if (this.held.has(name)) return;
    const next = this.queues.get(name)?.shift();
    if (next === undefined) return;
    this.held.set(name, next);
    next.tab.run(next.gained);
  }
}

export class MemoryTab implements TabsGround {
  readonly #browser: MemoryBrowser;
  #frozen: (() => void)[] | null = null;
  #isClosed = false;

  constructor(browser: MemoryBrowser) {
    this.#browser = browser;
  }

  /** Some browsers drop what a frozen tab is told, others keep it; here it is dropped. */
  get isDeaf(): boolean {
    return this.#frozen !== null;
  }

  /** As a task of this tab: later, not while it is frozen, never once it is closed. */
  run(task: () => void): void {
    if (this.#frozen !== null) this.#frozen.push(task);
    else queueMicrotask(() => !this.#isClosed && task());
  }

  freeze(): void {
    this.#frozen ??= [];
  }

  thaw(): void {
    const tasks = this.#frozen ?? [];
    this.#frozen = null;
    for (const task of tasks) this.run(task);
  }

  /** Of a clock of this tab: nothing runs while it is frozen. */
  guard(run: () => void): () => void {
    return () => {
      if (this.#frozen !== null) this.#frozen.push(run);
      else if (!this.#isClosed) run();
    };
  }

  /** The browser frees what it had. */
  close(): void {
    this.#isClosed = true;
    for (const [, queue] of this.#browser.queues) {
      const rest = queue.filter(({ tab }) => tab !== this);
      queue.splice(0, queue.length, ...rest);
    }
    for (const [name, holder] of [...this.#browser.held]) {
      if (holder.tab !== this) continue;
      this.#browser.held.delete(name);
      this.#browser.grantNext(name);
    }
    for (const ears of this.#browser.ears.values()) {
      for (const ear of ears) if (ear.tab === this) ears.delete(ear);
    }
  }

  readonly locks: Locks = {
    hold: (name, how, { gained, lost }) => {
      const browser = this.#browser;
      const holder: Holder = {
        tab: this,
        gained: () => isWanted && gained(),
        lost: () => isWanted && lost(),
      };
      let isWanted = true;
      const queue = browser.queues.get(name) ?? [];
      browser.queues.set(name, queue);
      if (how === "steal") {
        const before = browser.held.get(name);
        browser.held.set(name, holder);
        before?.tab.run(before.lost);
        this.run(holder.gained);
      } else {
        queue.push(holder);
        browser.grantNext(name);
      }
      return () => {
        isWanted = false;
        const place = queue.indexOf(holder);
        if (place >= 0) queue.splice(place, 1);
        if (browser.held.get(name) !== holder) return;
        browser.held.delete(name);
        browser.grantNext(name);
      };
    },
  };

  readonly channels = {
    open: (name: string, hear: (message: unknown) => void): Channel => {
      const ears = this.#browser.ears.get(name) ?? new Set();
      this.#browser.ears.set(name, ears);
      const own = { tab: this, hear };
      ears.add(own);
      return {
        post: (message) => {
          const copy: unknown = structuredClone(message);
          for (const ear of ears) {
            if (ear !== own && !ear.tab.isDeaf) ear.tab.run(() => ears.has(ear) && ear.hear(copy));
          }
        },
        close: () => void ears.delete(own),
      };
    },
  };
}
