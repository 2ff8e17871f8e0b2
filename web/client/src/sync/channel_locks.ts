/**
 * Locks for pages that have none of the browser's: those that come over plain HTTP from another machine. Without them each tab
 * would have a connection of its own, and six of those stop all others of the browser.
 *
 * Whoever wants the lock asks the channel; if nobody who holds it answers in time, it is theirs. Two may take it at once, or one
 * may wake up that was taken for gone: as soon as they hear of each other, the one with the lower name keeps it.
 */
import { randomId } from "../protocol/random_id.ts";
import type { Clock } from "./clock.ts";
import type { Channels, Locks } from "./tabs_ground.ts";

/** So long is an answer waited for, and up to half as long again, so that not all take it at once. */
export const answer_ms = 200;
export const ask_again_ms = 2_000;

type Said = { readonly kind: "ask" | "free" } | { readonly kind: "held" | "stolen"; readonly by: string };

export function channelLocks(channels: Channels, clock: Clock): Locks {
  return {
    hold(name, how, { gained, lost }) {
      const self = randomId();
      let state: "waiting" | "held" | "over" = "waiting";
      let endTimer = () => {};
      const channel = channels.open(`${name} lock`, (said) => hear(said as Said));
      const post = (said: Said) => channel.post(said);
      const later = (milliseconds: number, run: () => void) => {
        endTimer();
        endTimer = clock.after(milliseconds, run);
      };
      const end = () => {
        state = "over";
        endTimer();
        channel.close();
      };
      const say = () => {
        post({ kind: "held", by: self });
        later(ask_again_ms, say);
      };
      const take = () => {
        state = "held";
        say();
        gained();
      };
      const ask = () => {
        post({ kind: "ask" });
        later(answer_ms * (1 + clock.random() / 2), take);
      };
      const hear = (said: Said) => {
        if (state === "waiting") {
          if (said.kind === "held" || said.kind === "stolen") later(ask_again_ms, ask);
          if (said.kind === "free") ask();
        } else if (state === "held") {
          const isLost = said.kind === "stolen" || (said.kind === "held" && said.by < self);
          if (isLost) {
            end();
            lost();
          } else if (said.kind !== "free") post({ kind: "held", by: self });
        }
      };
      if (how === "wait") ask();
      else {
        post({ kind: "stolen", by: self });
        later(0, take);
      }
      return () => {
        if (state === "over") return;
        if (state === "held") post({ kind: "free" });
        end();
      };
    },
  };
}
