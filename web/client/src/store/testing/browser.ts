/** A browser for tests: tabs that share a cache, locks and a channel, and a time that only tests let pass. */

import type { Clock } from "../../sync/clock.ts";
import type { PageEvent } from "../../sync/environment.ts";
import type { CachePort } from "../cache_port.ts";
import { memoryTexts, type StoreEnvironment } from "../environment.ts";
import { MemoryCache } from "../memory_cache.ts";
import { ThroughlineStore } from "../throughline.ts";
import type { FakeDevice, FakeEngine } from "./fake_engine.ts";

export class FakeClock implements Clock {
  #now = 1_700_000_000_000;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.#now + milliseconds, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  random(): number {
    return 0.5;
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].sort((left, right) => left.at - right.at);
      if (next === undefined || next.at > end) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }
}

export class FakeBrowser {
  readonly clock = new FakeClock();
  readonly texts = memoryTexts();
  readonly caches = new Map<string, CachePort>();
  readonly channels = new Map<string, Set<(message: unknown) => void>>();
  readonly locks = new Map<string, Promise<unknown>>();
  readonly engine: FakeEngine;
  openCache: (owner: string) => Promise<CachePort> = async (owner) => {
    const cache = this.caches.get(owner) ?? new MemoryCache();
    this.caches.set(owner, cache);
    return cache;
  };

  constructor(engine: FakeEngine) {
    this.engine = engine;
  }

  /** A new tab of this browser, started. */
  tab(prepare: (tab: FakeTab) => void = () => {}): FakeTab {
    const tab = new FakeTab(this);
    prepare(tab);
    tab.store.start();
    return tab;
  }
}

export class FakeTab {
  readonly device: FakeDevice;
  readonly environment: StoreEnvironment;
  readonly store: ThroughlineStore;
  visible = true;
  readonly frames: (() => void)[] = [];
  readonly idle: (() => void)[] = [];
  readonly #listeners = new Set<(event: PageEvent) => void>();

  constructor(browser: FakeBrowser) {
    this.device = browser.engine.device();
    this.environment = {
      requestFrame: (run) => void this.frames.push(run),
      whenIdle: (run) => {
        this.idle.push(run);
        return () => void this.idle.splice(this.idle.indexOf(run), 1);
      },
      isVisible: () => this.visible,
      isOnline: () => this.device.online,
      savesData: () => false,
      listen: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
      texts: browser.texts,
      withLock: (name, run) => {
        const running = (browser.locks.get(name) ?? Promise.resolve()).then(run);
        browser.locks.set(
          name,
          running.catch(() => {}),
        );
        return running;
      },
      channel: (name, hear) => {
        const tabs = browser.channels.get(name) ?? new Set();
        browser.channels.set(name, tabs.add(hear));
        return {
          post: (message) => {
            for (const other of tabs)
              if (other !== hear) queueMicrotask(() => other(structuredClone(message)));
          },
          close: () => void tabs.delete(hear),
        };
      },
    };
    this.store = new ThroughlineStore({
      engine: this.device.engine,
      makeFeed: this.device.makeFeed,
      openCache: (owner) => browser.openCache(owner),
      clock: browser.clock,
      environment: this.environment,
      baseUrl: "",
    });
  }

  happens(event: PageEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** Draws: everybody who watches is told. */
  frame(): void {
    for (const run of this.frames.splice(0)) run();
  }

  /** Lets it do what it does when there is time, until nothing is left. */
  async rest(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      await turn();
      const idle = this.idle.splice(0);
      quiet = idle.length === 0 ? quiet + 1 : 0;
      for (const run of idle) run();
    }
  }

  goOffline(): void {
    this.device.disconnect();
    this.happens("offline");
  }

  goOnline(): void {
    this.device.reconnect();
    this.happens("online");
  }

  /** As if the tab was closed, or its process died: nothing more is written. */
  kill(): void {
    this.device.online = false;
    this.device.options.clear();
    this.device.fake.devices.delete(this.device);
  }

  /** The shown texts of a conversation, oldest first. */
  texts(conversationId: string): readonly string[] {
    const conversation = this.store.conversation(conversationId);
    return conversation
      .get()
      .thread.map((key) => conversation.message(key).get()?.content ?? `no message ${key}`);
  }

  statuses(conversationId: string): readonly string[] {
    const conversation = this.store.conversation(conversationId);
    return conversation.get().thread.map((key) => conversation.message(key).get()?.status ?? "none");
  }
}

/** Everything that is ready to run has run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits for a condition; fails with what it was about. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 4_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await turn();
  }
}
