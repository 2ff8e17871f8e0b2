/** Whatever happens to connections and tabs, every reader has the same text. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { initialStream, type StreamState } from "./stream_state.ts";
import { LogEngine } from "./testing/log_engine.ts";
import { ManualClock, settle } from "./testing/manual_clock.ts";
import { MemoryBrowser } from "./testing/memory_browser.ts";
import { ReaderTab } from "./testing/reader_tab.ts";

const piece = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }),
  fc.constantFrom("\r\n", "\n\n", "data: x", "é漢😀", "\u2028"),
);

const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("append" as const), text: piece }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("deliver" as const), bytes: fc.nat(400) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("kill" as const), how: fc.constantFrom("close", "error") }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.nat(9_000) }) },
  fc.record({
    kind: fc.constantFrom(
      "begin again",
      "store",
      "end",
      "open tab",
      "close leader",
      "freeze leader",
      "freeze follower",
      "thaw",
      "save",
    ),
  }),
);
type Happening = typeof event extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly engine = new LogEngine();
  readonly clock = new ManualClock();
  readonly browser = new MemoryBrowser();
  tabs: ReaderTab[] = [];
  /** What a cache has kept. */
  saved: StreamState = initialStream;

  openTab(): void {
    const tab = new ReaderTab(this.engine, this.browser, this.clock);
    tab.state = this.saved;
    this.tabs.push(tab);
  }

  leader(): ReaderTab | undefined {
    return this.tabs.find((tab) => tab.status?.role === "leader" && !tab.isFrozen);
  }

  async happen(what: Happening): Promise<void> {
    switch (what.kind) {
      case "append":
        this.engine.append(what.text);
        break;
      case "deliver":
        for (const connection of [...this.engine.connections]) connection.deliver(what.bytes);
        break;
      case "kill":
        for (const connection of [...this.engine.connections]) {
          connection.kill(what.how === "close" ? "close" : "error");
        }
        break;
      case "time":
        await this.clock.advance(what.ms);
        break;
      case "begin again":
        this.engine.beginAgain();
        break;
      case "store":
        this.engine.store();
        break;
      case "end":
        this.engine.end();
        break;
      case "open tab":
        if (this.tabs.length < 4) this.openTab();
        break;
      case "close leader":
        this.closeLeader();
        break;
      case "freeze leader":
        this.leader()?.freeze();
        break;
      case "freeze follower":
        this.tabs.find((tab) => tab.status?.role !== "leader" && !tab.isFrozen)?.freeze();
        break;
      case "save": {
        const state = this.tabs[0]?.state;
        // Text outside the log is not kept: it has no position.
        if (state?.unlogged === null) this.saved = state;
        break;
      }
      case "thaw":
        for (const tab of this.tabs) if (tab.isFrozen) tab.thaw();
        break;
    }
    await settle();
  }

  closeLeader(): void {
    const leader = this.leader();
    if (leader === undefined || this.tabs.length < 2) return;
    leader.feed.stop();
    leader.tab.close();
    this.tabs = this.tabs.filter((tab) => tab !== leader);
  }

  /** No reader ever has what is not the beginning of what the engine has. */
  checkPrefixes(): void {
    for (const { state } of this.tabs) {
      const text =
        state.unlogged === null ? this.engine.texts[Math.max(state.attempt, 1) - 1] : this.engine.text;
      expect(text?.startsWith(state.content), `'${state.content}' of '${text}'`).toBe(true);
    }
  }

  async finish(): Promise<void> {
    for (const tab of this.tabs) if (tab.isFrozen) tab.thaw();
    this.engine.end();
    for (let round = 0; round < 12; round++) {
      for (const connection of [...this.engine.connections]) connection.deliver(1_000_000);
      await settle();
      await this.clock.advance(5_000);
    }
  }
}

test("every reader has the same text, wherever it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (happenings) => {
      const world = new World();
      world.openTab();
      world.openTab();
      await settle();
      for (const what of happenings) {
        await world.happen(what);
        world.checkPrefixes();
      }
      await world.finish();
      world.checkPrefixes();
      const leader = world.leader();
      expect(leader?.status?.state.kind).toBe("connected");
      // What ended before a poll began comes to it as a change, which this world does not have.
      if (leader?.status?.transport === "events") expect(leader.state.ended?.chunk_type).toBe("done");
      // A tab that came when everything was said asks by itself.
      for (const tab of world.tabs) {
        await tab.catchUp();
        expect(tab.state.content).toBe(world.engine.text);
        expect(tab.state.ended?.chunk_type).toBe("done");
        tab.feed.stop();
      }
    }),
    { numRuns: Number(process.env["FC_RUNS"] ?? 60) },
  );
}, 120_000);
