import { act, cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ThroughlineProvider } from "../../react/throughline.tsx";
import { createFixture } from "../../testing/fixture.ts";
import { message, problem, unfinished } from "../../testing/messages.ts";
import { ConversationPage } from "./conversation_page.tsx";

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function show(messages: Parameters<typeof message>[] = []) {
  const fixture = createFixture();
  const store = fixture.addConversation({ id: "c1", messages: messages.map((args) => message(...args)) });
  const onNavigate = vi.fn();
  const page = (id: string | null) => (
    <ThroughlineProvider client={fixture}>
      <ConversationPage id={id} onNavigate={onNavigate} />
    </ThroughlineProvider>
  );
  const { rerender } = render(page("c1"));
  const composer = () => screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message" });
  const write = (text: string) => fireEvent.change(composer(), { target: { value: text } });
  return { fixture, store, onNavigate, composer, write, go: (id: string | null) => rerender(page(id)) };
}
const articles = () => screen.getAllByRole("article");
const lastArticle = () => {
  const last = articles().at(-1);
  if (last === undefined) throw new Error("no message is shown");
  return within(last);
};
const live = { ...unfinished, live: true, status: "generating" } as const;

test("Enter sends what is written, clears the draft and keeps the focus", () => {
  const { store, fixture, composer, write } = show([["user", "Hi", { key: "q" }]]);
  write("Go on");
  expect(fixture.drafts.get("c1")).toBe("Go on");
  fireEvent.keyDown(composer(), { key: "Enter" });
  expect(store.calls).toContain("send Go on");
  expect(composer().value).toBe("");
  expect(fixture.drafts.get("c1")).toBe("");
  expect(document.activeElement).toBe(composer());
});

test("each chat has its own draft", () => {
  const { fixture, composer, write, go } = show();
  fixture.addConversation({ id: "c2" });
  write("half a thought");
  go("c2");
  expect(composer().value).toBe("");
  go("c1");
  expect(composer().value).toBe("half a thought");
});

test("what follows a question has its room at once, also when it is asked to go on", () => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(600);
  const { store } = show([
    ["user", "Long?", { key: "q" }],
    ["assistant", "Very", { key: "a", finishReason: "length" }],
  ]);
  const room = () => articles().map((article) => article.style.minHeight);
  expect(room()).toEqual(["", ""]);
  fireEvent.click(screen.getByRole("button", { name: "Continue" }));
  expect(store.calls).toContain("send Continue");
  expect(room()).toEqual(["", "", "", "564px"]);
});

test("Escape anywhere stops the answer that runs", () => {
  const { store } = show([["assistant", "Hel", { key: "a", ...live }]]);
  act(() => store.setView({ runningKey: "a" }));
  fireEvent.keyDown(document.body, { key: "Escape" });
  expect(store.calls).toContain("stop a");
  expect(screen.getByText("Stopped. What was written is kept.")).toBeTruthy();
});

test("Up edits the last question; Escape leaves without stopping, Ctrl+Enter sends", () => {
  const { store, composer } = show([
    ["user", "Old", { key: "q" }],
    ["assistant", "Hel", { key: "a", ...live }],
  ]);
  act(() => store.setView({ runningKey: "a" }));
  fireEvent.keyDown(composer(), { key: "ArrowUp" });
  const editor = screen.getByRole("textbox", { name: "Edit question" });
  expect(document.activeElement).toBe(editor);
  fireEvent.keyDown(editor, { key: "Escape" });
  expect(screen.queryByRole("textbox", { name: "Edit question" })).toBeNull();
  expect(store.calls.some((call) => call.startsWith("stop"))).toBe(false);
  expect(document.activeElement).toBe(composer());
  fireEvent.keyDown(composer(), { key: "ArrowUp" });
  const again = screen.getByRole("textbox", { name: "Edit question" });
  fireEvent.change(again, { target: { value: "New" } });
  fireEvent.keyDown(again, { key: "Enter", ctrlKey: true });
  expect(store.calls).toContain("edit q New");
});

test("what is written in the editor of a question is back after a look elsewhere, until it is sent or let go", () => {
  const { store, fixture, composer, go } = show([["user", "Old", { key: "q", id: "m" }]]);
  const editor = () => screen.queryByRole<HTMLTextAreaElement>("textbox", { name: "Edit question" });
  const open = () => fireEvent.click(screen.getByRole("button", { name: "Edit question" }));
  const change = (value: string) => fireEvent.change(editor() ?? composer(), { target: { value } });
  open();
  change("Old, but bett");
  fixture.addConversation({ id: "c2" });
  go("c2");
  expect(composer().value).toBe("");
  go("c1");
  expect(editor()?.value).toBe("Old, but bett");
  expect(document.activeElement).toBe(composer());
  fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
  open();
  expect(editor()?.value).toBe("Old");
  expect(document.activeElement).toBe(editor());
  change("New");
  fireEvent.keyDown(editor() ?? composer(), { key: "Enter", ctrlKey: true });
  expect(store.calls).toContain("edit q New");
  go("c2");
  go("c1");
  expect(editor()).toBeNull();
});

test("one question that was being written comes back open, and does not close the one that is open", () => {
  const { store, fixture, go } = show([
    ["user", "One", { key: "q1", id: "m1" }],
    ["user", "Two", { key: "q2", id: "m2" }],
  ]);
  for (const number of [0, 1, 2]) fixture.drafts.set(`c1/m${number}`, `Draft ${number}`);
  fixture.addConversation({ id: "c2" });
  go("c2");
  go("c1");
  const editor = () => screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Edit question" });
  expect(editor().value).toBe("Draft 1");
  fireEvent.click(screen.getByRole("button", { name: "Edit question" }));
  expect(editor().value).toBe("Draft 2");
  expect(document.activeElement).toBe(editor());
  act(() => store.add(message("user", "Zero", { key: "q0", id: "m0" })));
  expect(articles()).toHaveLength(3);
  expect(editor().value).toBe("Draft 2");
});

test("an article says which message it is, how it is, and whether it grows", () => {
  const { store } = show([["assistant", "Hel", { key: "a", id: "m-1", ...live }]]);
  const article = screen.getByRole("article");
  expect(article.getAttribute("data-message-id")).toBe("m-1");
  expect(article.getAttribute("data-status")).toBe("generating");
  expect(article.getAttribute("aria-busy")).toBe("true");
  act(() => store.update("a", { status: "completed", live: false }));
  expect(article.getAttribute("aria-busy")).toBe("false");
});

test("the source is shown byte for byte", () => {
  const text = "**a**  \n\n\t\u202Eb <b>&amp;</b>\n";
  show([["assistant", text, { key: "a" }]]);
  fireEvent.click(screen.getByRole("button", { name: "Show source" }));
  expect(screen.getByRole("article").querySelector("[data-source]")?.textContent).toBe(text);
});

test("thoughts are open while they are all there is, then fold; what the reader chose holds", () => {
  const { store } = show([["assistant", "", { key: "a", reasoning: "Hm.", ...live }]]);
  const fold = () => screen.getByRole("button", { name: /^Think|^Thought/ });
  expect(fold().getAttribute("aria-expanded")).toBe("true");
  act(() => store.update("a", { content: "So" }));
  expect(fold().getAttribute("aria-expanded")).toBe("false");
  fireEvent.click(fold());
  act(() => store.update("a", { content: "So it is" }));
  expect(fold().getAttribute("aria-expanded")).toBe("true");
});

test("a failure says what happened and has one button; a retry that comes can be called off", () => {
  vi.useFakeTimers({ now: 1_000_000 });
  const error = { code: "provider_truncated", message: "", retryable: true };
  const { store } = show([
    ["assistant", "Hel", { key: "a", status: "error", error, retry: { at: 1_005_000 } }],
  ]);
  expect(screen.getByText("The text so far is kept.", { exact: false })).toBeTruthy();
  expect(screen.getByText("Tries again in 5 s")).toBeTruthy();
  act(() => vi.advanceTimersByTime(2_000));
  expect(screen.getByText("Tries again in 3 s")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "Don't" }));
  expect(store.calls).toContain("callOffRetry a");
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(store.calls).toContain("regenerate a");
});

test("what was not sent can be sent again, or goes back to the draft", () => {
  const unsent = { key: "q", id: null, status: "unsent", problem: problem("network", "") } as const;
  const { store, composer } = show([["user", "Lost?", unsent]]);
  fireEvent.click(lastArticle().getByRole("button", { name: "Back to the draft" }));
  expect(store.calls).toContain("discard q");
  expect(composer().value).toBe("Lost?");
});

test("versions are stepped through", () => {
  const { store } = show([["assistant", "Two", { key: "a", branch: { index: 1, count: 2 } }]]);
  const next = screen.getByRole<HTMLButtonElement>("button", { name: "Next version" });
  expect(next.getAttribute("aria-disabled")).toBe("true");
  fireEvent.click(next);
  expect(store.calls.some((call) => call.startsWith("switchBranch"))).toBe(false);
  fireEvent.click(screen.getByRole("button", { name: "Previous version" }));
  expect(store.calls).toContain("switchBranch a -1");
});

test("the focus stays on the button that steps, from version to version and at the last one", () => {
  const { store } = show([["assistant", "One", { key: "a1", branch: { index: 0, count: 3 } }]]);
  for (const index of [1, 2])
    store.add(message("assistant", "More", { key: `a${index + 1}`, branch: { index, count: 3 } }));
  store.switchBranch = (key, by) => store.setView({ thread: [`a${Number(key.slice(1)) + by}`] });
  act(() => store.setView({ thread: ["a1"] }));
  const button = (name: string) => screen.getByRole("button", { name });
  const first = button("Next version");
  first.focus();
  fireEvent.click(first);
  expect(button("Next version")).not.toBe(first);
  expect(document.activeElement).toBe(button("Next version"));
  fireEvent.click(button("Next version"));
  expect(button("Next version").getAttribute("aria-disabled")).toBe("true");
  expect(document.activeElement).toBe(button("Next version"));
});

test("a new chat keeps its view when it gets its real id", () => {
  const { fixture, onNavigate, go, composer } = show();
  go(null);
  fireEvent.change(composer(), { target: { value: "First" } });
  fireEvent.keyDown(composer(), { key: "Enter" });
  expect(onNavigate).toHaveBeenLastCalledWith("new-1");
  go("new-1");
  const store = fixture.conversation("new-1");
  act(() => store.setView({ id: "real", isLocal: false }));
  expect(onNavigate).toHaveBeenLastCalledWith("real", { replace: true });
  const before = composer();
  go("real");
  expect(composer()).toBe(before);
});

test("a new chat begins with the system prompt that was written for it, and the next one without", async () => {
  const { fixture, go, composer, write } = show();
  go(null);
  fireEvent.click(screen.getByRole("button", { name: "System prompt" }));
  // Its dialog is fetched first, which a busy machine may take its time for.
  const field = await screen.findByRole("textbox", { name: "System prompt" }, { timeout: 30_000 });
  fireEvent.change(field, { target: { value: "Be brief." } });
  fireEvent.click(screen.getByRole("button", { name: "Save" }));
  go("c1");
  go(null);
  expect(screen.getByRole("button", { name: "System prompt (set)" })).toBeTruthy();
  write("First");
  fireEvent.keyDown(composer(), { key: "Enter" });
  expect(fixture.calls).toContain("begin First Be brief.");
  expect(screen.getByRole("button", { name: "System prompt" })).toBeTruthy();
});

test("a missing chat says so and leads on", () => {
  const { onNavigate, go } = show();
  go("nowhere");
  fireEvent.click(screen.getByRole("button", { name: "New chat" }));
  expect(onNavigate).toHaveBeenLastCalledWith(null);
});

test("at the top without a connection no wheel turns for ever; with it, earlier messages come", async () => {
  const { fixture, store } = show([["user", "Hi", { key: "q" }]]);
  const connection = fixture.connection.get();
  act(() => store.setView({ olderAvailable: true }));
  expect(screen.getByText("Loading earlier messages")).toBeTruthy();
  act(() => fixture.connection.set({ ...connection, state: { kind: "offline" } }));
  expect(screen.getByText("Earlier messages come with the connection.")).toBeTruthy();
  expect(screen.queryByText("Loading earlier messages")).toBeNull();
  expect(store.calls).not.toContain("loadOlder");
  await act(async () => fixture.connection.set(connection));
  expect(store.calls).toContain("loadOlder");
});
