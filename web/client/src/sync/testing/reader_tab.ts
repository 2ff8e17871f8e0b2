/** A tab as the store would be: it applies what the feed brings, and reads on after a gap. */
import { Api } from "../../protocol/api.ts";
import { catchUp } from "../catch_up.ts";
import type { Clock } from "../clock.ts";
import type { Environment, PageEvent } from "../environment.ts";
import { createFeed, type Feed, type FeedStatus } from "../feed.ts";
import { applyChunk, initialStream, type StreamState } from "../stream_state.ts";
import { groundedTabs } from "../tabs.ts";
import type { LogEngine } from "./log_engine.ts";
import type { ManualClock } from "./manual_clock.ts";
import type { MemoryBrowser, MemoryTab } from "./memory_browser.ts";

export class ReaderTab {
  readonly tab: MemoryTab;
  readonly feed: Feed;
  readonly api: Api;
  state: StreamState = initialStream;
  status: FeedStatus | null = null;
  statuses: FeedStatus[] = [];
  signedOut = 0;
  isVisible = true;
  isOnline = true;
  isFrozen = false;
  readonly #taskId: string;
  #isReading = false;
  #hear: (event: PageEvent) => void = () => {};

  constructor(engine: LogEngine, browser: MemoryBrowser, clock: ManualClock) {
    const tab = browser.tab();
    this.tab = tab;
    this.#taskId = engine.taskId;
    this.api = new Api({ baseUrl: "http://engine", fetch: engine.fetch });
    const environment: Environment = {
      isOnline: () => this.isOnline,
      isVisible: () => this.isVisible,
      listen: (listener) => {
        this.#hear = listener;
        return () => {};
      },
    };
    const own: Clock = {
      now: () => clock.now(),
      random: () => clock.random(),
      after: (milliseconds, run) => clock.after(milliseconds, tab.guard(run)),
    };
    const tabs = groundedTabs({ name: "tabs", ground: tab, clock: own, environment });
    this.feed = createFeed(
      {
        start: () => {
          const { position, ended } = this.state;
          const named = position === null || ended !== null ? [] : ([[this.#taskId, position]] as const);
          return { since: 1, cursors: new Map(named) };
        },
        onEvent: (event) => {
          if (event.kind === "signed_out") this.signedOut += 1;
          if (event.kind !== "chunk") return;
          const { state, outcome } = applyChunk(this.state, event.event, event.connection);
          this.state = state;
          if (outcome === "gap") void this.catchUp();
        },
        onStatus: (status) => {
          this.status = status;
          this.statuses.push(status);
        },
      },
      { api: this.api, tabs, clock: own, environment },
    );
    this.feed.start();
  }

  page(event: PageEvent): void {
    this.#hear(event);
  }

  freeze(): void {
    this.isFrozen = true;
    this.tab.freeze();
  }

  thaw(): void {
    this.isFrozen = false;
    this.tab.thaw();
  }

  async catchUp(): Promise<void> {
    if (this.#isReading || this.state.ended !== null) return;
    this.#isReading = true;
    await catchUp({
      api: this.api,
      taskId: this.#taskId,
      from: this.state.position,
      onChunk: (event, connection) => {
        this.state = applyChunk(this.state, event, connection).state;
      },
    });
    this.#isReading = false;
  }
}
