/** `scenes()` with a full side column, for looking at the page without an engine: `?state=offline|waiting|first|signed_out|empty`. */
import { type Fixture, scenes } from "./fixture.ts";

const topics = [
  "Trains in Norway by winter",
  "Why resumable streams need a position",
  "A garden that needs no water",
  "SQL: the last row of each group",
  "Übersetzung eines Briefes",
  "كيف أتعلم العربية بسرعة",
  "A very long title that says everything there is to say about the question and then some more",
  "Bread without kneading",
  "Notes on a proof of the four colour theorem",
];

export function sideScenes(): Fixture {
  const fixture = scenes();
  const hour = 3_600_000;
  const now = Date.now();
  const own = fixture.list.get().items;
  const many = Array.from({ length: 1_000 }, (_, index) => ({
    id: `side-${index}`,
    title: `${topics[index % topics.length]}${index < topics.length ? "" : ` ${index}`}`,
    pinned: index === 2,
    updatedAt: now - (index === 2 ? 0 : index * index * hour),
    messageCount: 4,
    running: index === 0 || index === 3,
    unread: index === 1 ? 2 : 0,
    cached: index < 50,
  }));
  const pinned = many.filter((item) => item.pinned);
  const items = [...pinned, ...own, ...many.filter((item) => !item.pinned)];
  fixture.list.set({ loading: "ready", items, hasMore: true });
  fixture.activity.set({ running: [], unreadTotal: 2, waitingToSend: 0 });
  fixture.connection.set({
    ...fixture.connection.get(),
    rev: 1_284,
    history: [
      { at: now - 20_000, kind: "synchronised" },
      { at: now - 20_200, kind: "resumed", conversationId: "side-0", chunk: 212 },
      { at: now - 20_400, kind: "connected" },
      { at: now - 47_000, kind: "lost", cause: "the engine did not answer." },
      { at: now - 240_000, kind: "restarted", conversationId: "side-3", attempt: 2, reason: "worker_lost" },
      { at: now - 600_000, kind: "became_leader" },
      { at: now - 610_000, kind: "connected" },
    ],
  });
  fixture.found = {
    from: "engine",
    hits: many.slice(0, 6).map((item) => ({
      conversationId: item.id,
      title: item.title,
      snippet: "… said that trains in the north need a position of their own, and water in winter …",
      updatedAt: item.updatedAt,
    })),
  };
  const state = new URLSearchParams(location.search).get("state");
  const view = fixture.connection.get();
  if (state === "offline") fixture.connection.set({ ...view, state: { kind: "offline" } });
  if (state === "waiting" || state === "first")
    fixture.connection.set({
      ...view,
      state: { kind: "waiting", retryAt: now + 8_000, cause: "The engine did not answer.", tries: 3 },
    });
  if (state === "first") {
    fixture.identity.set({ kind: "unknown" });
    fixture.list.set({ loading: "engine", items: [], hasMore: false });
  }
  if (state === "signed_out") fixture.identity.set({ kind: "signed_out" });
  if (state === "loading") fixture.list.set({ loading: "cache", items: [], hasMore: false });
  if (state === "empty") fixture.list.set({ loading: "ready", items: [], hasMore: false });
  return fixture;
}
