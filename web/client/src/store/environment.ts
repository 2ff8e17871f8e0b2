/**
 * What the store needs of where it runs beyond what the feed does: frames, idle time, small texts that are kept, locks and a
 * word to the other tabs. A browser has all of it, Node next to nothing, tests what they want.
 */
import { browserEnvironment, type Environment, plainEnvironment } from "../sync/environment.ts";

export interface StoreEnvironment extends Environment {
  /**
   * Calls `run` before the next frame is drawn, or the one after that if the last one was just used; soon on a hidden page, where
   * no frames are drawn.
   */
  requestFrame(run: () => void): void;
  /** Calls `run` when there is nothing better to do. Returns what ends the waiting. */
  whenIdle(run: () => void): () => void;
  /** The person asked for less traffic. */
  savesData(): boolean;
  readonly texts: Texts;
  /** Runs while no other tab holds the lock of that name; without tabs at once. */
  withLock<T>(name: string, run: () => Promise<T>): Promise<T>;
  /** A line to the other tabs of this browser. What is posted is not heard by the one that posts. */
  channel(name: string, hear: (message: unknown) => void): { post(message: unknown): void; close(): void };
}

/** Small texts that outlive the page. Nothing here throws: a full or forbidden storage keeps nothing. */
export interface Texts {
  get(name: string): string | null;
  set(name: string, text: string | null): void;
}

const hidden_frame_ms = 250;
/**
 * While text arrives without a pause it is drawn in every other frame of a usual screen: thirty times a second reads as well, and
 * the frames between are the keyboard's.
 */
const between_frames_ms = 25;
const idle_fallback_ms = 200;

/** The environment of the place this runs in. */
export function defaultStoreEnvironment(): StoreEnvironment {
  return typeof document === "undefined" ? plainStoreEnvironment() : browserStoreEnvironment();
}

/** Node, or a worker: always visible and online, nothing kept, no tabs. */
export function plainStoreEnvironment(): StoreEnvironment {
  return {
    ...plainEnvironment(),
    requestFrame: (run) => void setTimeout(run, 16),
    whenIdle(run) {
      const timer = setTimeout(run, idle_fallback_ms);
      return () => clearTimeout(timer);
    },
    savesData: () => false,
    texts: memoryTexts(),
    withLock: (_name, run) => run(),
    channel: () => ({ post() {}, close() {} }),
  };
}

export function memoryTexts(): Texts {
  const texts = new Map<string, string>();
  return {
    get: (name) => texts.get(name) ?? null,
    set(name, text) {
      if (text === null) texts.delete(name);
      else texts.set(name, text);
    },
  };
}

export function browserStoreEnvironment(): StoreEnvironment {
  let lastRun = Number.NEGATIVE_INFINITY;
  return {
    ...browserEnvironment(),
    requestFrame(run) {
      if (document.visibilityState === "hidden") {
        setTimeout(run, hidden_frame_ms);
        return;
      }
      // A page that is hidden before the frame is drawn would wait until it is seen again.
      let done = false;
      const once = () => {
        if (done) return;
        done = true;
        clearTimeout(timer);
        cancelAnimationFrame(frame);
        lastRun = performance.now();
        run();
      };
      const look = () => {
        if (performance.now() - lastRun < between_frames_ms) frame = requestAnimationFrame(look);
        else once();
      };
      const timer = setTimeout(once, hidden_frame_ms);
      let frame = requestAnimationFrame(look);
    },
    whenIdle(run) {
      if (typeof requestIdleCallback === "undefined") {
        const timer = setTimeout(run, idle_fallback_ms);
        return () => clearTimeout(timer);
      }
      const handle = requestIdleCallback(run, { timeout: 10_000 });
      return () => cancelIdleCallback(handle);
    },
    savesData: () => {
      const connection: unknown = "connection" in navigator ? navigator.connection : null;
      return (
        typeof connection === "object" &&
        connection !== null &&
        "saveData" in connection &&
        connection.saveData === true
      );
    },
    texts: {
      get(name) {
        try {
          return localStorage.getItem(name);
        } catch {
          return null;
        }
      },
      set(name, text) {
        try {
          if (text === null) localStorage.removeItem(name);
          else localStorage.setItem(name, text);
        } catch {
          // Full or forbidden: the page works without it.
        }
      },
    },
    withLock(name, run) {
      return "locks" in navigator ? navigator.locks.request(name, run) : run();
    },
    channel(name, hear) {
      if (typeof BroadcastChannel === "undefined") return { post() {}, close() {} };
      const channel = new BroadcastChannel(name);
      channel.onmessage = (event) => hear(event.data);
      return {
        post: (message) => channel.postMessage(message),
        close: () => channel.close(),
      };
    },
  };
}
