import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeBrowser, type FakeTab, turn, until } from "./testing/browser.ts";
import { FakeEngine } from "./testing/fake_engine.ts";

/** What happens, by number: which answer or tab it happens to is taken modulo what there is. */
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant("type" as const),
      at: fc.nat(9),
      text: fc.string({ minLength: 1, maxLength: 6 }),
    }),
  },
  fc.record({
    what: fc.constantFrom(
      "restart" as const,
      "finish" as const,
      "say done first" as const,
      "reload" as const,
      "go offline" as const,
      "go online" as const,
      "lose chunks" as const,
      "hold changes" as const,
      "release changes" as const,
      "wait" as const,
      "ask" as const,
    ),
    at: fc.nat(9),
    text: fc.constant(""),
  }),
);

test("whatever happens on the way, every tab ends with what the engine has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const engine = new FakeEngine();
      const browser = new FakeBrowser(engine);
      const id = engine.addConversation("Talk");
      const follower = (tab: FakeTab) => {
        tab.device.role = "follower";
      };
      const tabs = [browser.tab(), browser.tab(follower)];
      for (const tab of tabs) tab.store.conversation(id).open();
      engine.ask(id, "first");
      await turn();
      for (const { what, at, text } of steps) {
        const open = [...engine.tasks.values()].filter((each) => each.finished_at === null);
        const task = open[at % Math.max(1, open.length)]?.task_id;
        const isDone = task !== undefined && engine.answer(task).log.at(-1)?.chunk.chunk_type === "done";
        const tab = tabs[at % 2];
        if (tab === undefined) continue;
        if (what === "type" && task !== undefined && !isDone) engine.type(task, text);
        if (what === "restart" && task !== undefined && !isDone) engine.restart(task, "worker_lost");
        if (what === "say done first" && task !== undefined && !isDone) engine.sayDone(task);
        if (what === "finish" && task !== undefined)
          isDone ? engine.storeEnd(task, "completed") : engine.finish(task);
        if (what === "go offline") tab.goOffline();
        if (what === "go online") tab.goOnline();
        if (what === "lose chunks") tab.device.dropsChunks = !tab.device.dropsChunks;
        if (what === "hold changes") engine.holdsChanges = true;
        if (what === "release changes") engine.releaseChanges();
        if (what === "wait") browser.clock.advance(400);
        if (what === "ask") engine.ask(id, `question ${at}`);
        if (what === "reload") {
          await tab.store.cache.settled();
          tab.kill();
          const fresh = browser.tab(at % 2 === 1 ? follower : () => {});
          fresh.store.conversation(id).open();
          tabs[at % 2] = fresh;
        }
        await turn();
      }
      engine.releaseChanges();
      for (const tab of tabs) {
        tab.device.dropsChunks = false;
        tab.goOnline();
      }
      for (const task of engine.tasks.values()) {
        const message = engine.messages.get(task.message_id);
        for (const tab of tabs) {
          const shown = () =>
            tab.store
              .conversation(id)
              .message(message?.id ?? "")
              .get()?.content;
          await until("the text so far is there", () => shown() === engine.text(task.task_id));
        }
      }
      await turn();
      for (const task of engine.tasks.values()) {
        if (task.finished_at !== null) continue;
        if (engine.answer(task.task_id).log.at(-1)?.chunk.chunk_type === "done")
          engine.storeEnd(task.task_id, "completed");
        else engine.finish(task.task_id);
      }
      const all = [...engine.messages.values()].filter((each) => each.conversation_id === id);
      const expected = all.sort((left, right) => left.seq - right.seq).map((each) => each.content);
      for (const tab of tabs) {
        await until("all is there", () => JSON.stringify(tab.texts(id)) === JSON.stringify(expected));
        expect(tab.statuses(id).every((each) => each === "completed")).toBe(true);
        expect(tab.store.activity.get().running).toEqual([]);
      }
      await tabs[0]?.store.cache.settled();
      const cached = await [...browser.caches.values()][0]?.messagesOf(id);
      expect(
        [...(cached ?? [])].sort((left, right) => left.seq - right.seq).map((each) => each.content),
      ).toEqual(expected);
    }),
    { numRuns: 300 },
  );
}, 60_000);
