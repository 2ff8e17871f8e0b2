/** What tabs of one browser have in common: locks that one of them holds at a time, and a channel that all hear. */
import { channelLocks } from "./channel_locks.ts";
import { systemClock } from "./clock.ts";

export interface Locks {
  /**
   * Waits for the lock, or takes it from whoever has it. `gained` is called once it is held, `lost` if another one steals it;
   * never both out of order, never again after `lost`. Returns what gives it up, or ends the waiting.
   */
  hold(name: string, how: "wait" | "steal", on: { gained(): void; lost(): void }): () => void;
}

export interface Channels {
  /** What is posted is heard by all others of that name, not by the one that posts. */
  open(name: string, hear: (message: unknown) => void): Channel;
}

export interface Channel {
  post(message: unknown): void;
  close(): void;
}

export interface TabsGround {
  readonly locks: Locks;
  readonly channels: Channels;
}

/** Null where there are no tabs, or no means to agree: Node, and very old browsers. */
export function browserGround(): TabsGround | null {
  if (typeof document === "undefined" || typeof BroadcastChannel === "undefined") return null;
  const locks =
    "locks" in navigator ? webLocks(navigator.locks) : channelLocks(broadcastChannels, systemClock);
  return { locks, channels: broadcastChannels };
}

export function webLocks(manager: LockManager): Locks {
  return {
    hold(name, how, on) {
      const waiting = new AbortController();
      const held = Promise.withResolvers<void>();
      let state: "waiting" | "held" | "over" = "waiting";
      const options: LockOptions = how === "steal" ? { steal: true } : { signal: waiting.signal };
      const request = manager.request(name, options, () => {
        if (state === "over") return;
        state = "held";
        on.gained();
        return held.promise;
      });
      request.catch(() => {
        // Stolen; or the waiting was ended, and then nobody is to be told.
        const wasHeld = state === "held";
        state = "over";
        if (wasHeld) on.lost();
      });
      return () => {
        state = "over";
        waiting.abort();
        held.resolve();
      };
    },
  };
}

export const broadcastChannels: Channels = {
  open(name, hear) {
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => hear(data);
    return { post: (message) => channel.postMessage(message), close: () => channel.close() };
  },
};
