// The application in one tab, in the words of a person who uses it. Every name of a button and every mark in the page that tests
// rely on is in this file.
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { slowness, until } from "../../system/support/process.ts";
import { freshKey, wish, type Wish } from "../../system/support/model.ts";

const patience = 20_000 * slowness;
const idOfPath = /^\/c\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** A question that was asked in a page: its `key` finds what the model sent for it. */
export interface Asked {
  key: string;
  text: string;
}

export type Status = "waiting" | "sending" | "unsent" | "queued" | "generating" | "completed" | "cancelled" | "error";

export class Chat {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  // --- places ---------------------------------------------------------------------------------------------------------------

  get composer(): Locator {
    return this.page.getByRole("textbox", { name: "Message", exact: true });
  }
  get sendButton(): Locator {
    return this.page.getByRole("button", { name: "Send", exact: true });
  }
  get stopButton(): Locator {
    return this.page.getByRole("button", { name: /^Stop/ });
  }
  get messages(): Locator {
    return this.page.locator("article[data-key]");
  }
  get questions(): Locator {
    return this.page.locator('article[data-role="user"]');
  }
  get answers(): Locator {
    return this.page.locator('article[data-role="assistant"]');
  }
  /** The answer to the newest question of the shown branch; there is none while that waits to be sent. */
  get answer(): Locator {
    return this.page.locator('xpath=(//article[@data-key])[last()][@data-role="assistant"]');
  }
  message(id: string): Locator {
    return this.page.locator(`article[data-message-id="${id}"]`);
  }
  get list(): Locator {
    return this.page.getByRole("navigation", { name: "Chats" });
  }
  get offlineNotice(): Locator {
    return this.page.getByText(/^You are offline/).first();
  }
  get missingNotice(): Locator {
    return this.page.getByRole("heading", { name: /nothing here|not here/i });
  }
  get signedOutNotice(): Locator {
    return this.page.getByRole("heading", { name: "You are signed out" });
  }
  get connectionMark(): Locator {
    return this.page.getByRole("button", { name: "about this connection" });
  }
  get retryNotice(): Locator {
    return this.page.getByText(/^Tries again in/).first();
  }
  get modelPicker(): Locator {
    return this.page.getByRole("button", { name: /^Model/ });
  }
  listed(title: string | RegExp): Locator {
    return this.list.getByRole("link", { name: title });
  }

  // --- what a person does -----------------------------------------------------------------------------------------------------

  async ready(): Promise<void> {
    await this.composer.waitFor({ state: "visible", timeout: patience });
    await until("the composer takes text", () => this.composer.isEditable());
  }

  /** Writes a question for the mock model and sends it. */
  async ask(what: Wish): Promise<Asked> {
    const key = what.key ?? freshKey();
    return this.say(wish({ key, ...what }), key);
  }

  async say(text: string, key = ""): Promise<Asked> {
    await this.composer.fill(text);
    await this.composer.press("Enter");
    await until("the question is shown", async () => (await this.questions.count()) > 0 && (await this.shown(this.questions.last())) === text.trim());
    expect(await this.composer.inputValue()).toBe("");
    return { key, text };
  }

  /** Of the chat that has not begun. */
  async giveSystemPrompt(text: string): Promise<void> {
    await this.page.getByRole("button", { name: "System prompt" }).click({ timeout: patience });
    await this.page.getByRole("textbox", { name: "System prompt" }).fill(text, { timeout: patience });
    await this.page.getByRole("button", { name: "Save" }).click({ timeout: patience });
    await this.page.getByRole("button", { name: "System prompt (set)" }).waitFor({ timeout: patience });
  }

  async stop(): Promise<void> {
    await this.stopButton.click({ timeout: patience });
  }

  /** Goes to this tab of a desk. The page itself is told of it later than the browser. */
  async lookAt(): Promise<void> {
    await this.page.bringToFront();
    await until("the page is seen", async () => !(await this.isHidden()));
  }

  /** Opens one that is in the list, within the page. */
  async goTo(conversation: string): Promise<void> {
    await this.page.locator(`a[href="/c/${conversation}"]`).first().click({ timeout: patience });
    await this.page.waitForURL(`**/c/${conversation}`, { timeout: patience });
  }

  async startNew(): Promise<void> {
    await this.page.getByRole("button", { name: "New chat" }).first().click({ timeout: patience });
    await this.page.waitForURL((url) => url.pathname === "/", { timeout: patience });
    await this.ready();
  }

  /** Waits until the page could be opened without a network, this text in it. */
  async offlineReady(text: string): Promise<void> {
    await this.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await this.cached(text);
  }

  /** Waits until the browser's store has this text. */
  async cached(text: string): Promise<void> {
    await until("the text in the cache", () => this.page.evaluate(hasInStore, text));
  }

  /** Waits until nothing moves: what slides and fades has arrived. */
  async settled(): Promise<void> {
    await until("rest", () => this.page.evaluate(() =>
      document.getAnimations().every((one) => one.playState !== "running" || one.effect?.getComputedTiming().iterations === Infinity)));
  }

  async openPalette(): Promise<void> {
    await this.page.keyboard.press("Control+k");
    await this.page.getByRole("dialog").getByRole("combobox").waitFor({ timeout: patience });
    await this.settled();
  }

  /** The list of chats where it is not always in view. */
  async openDrawer(): Promise<void> {
    await this.page.getByRole("button", { name: "Show the list" }).click({ timeout: patience });
    await this.list.waitFor({ timeout: patience });
    await this.settled();
  }

  /** Escape is the list's when it lies over the page, which it does a moment after that became narrow. */
  async closeDrawer(): Promise<void> {
    await until("the list lies over the page and has the focus", () => this.page.evaluate(() =>
      document.querySelector("[inert] main") !== null && document.activeElement?.closest("aside") != null));
    await this.page.keyboard.press("Escape");
    await this.list.waitFor({ state: "hidden", timeout: patience });
    await this.settled();
  }

  // --- what a person sees -----------------------------------------------------------------------------------------------------

  /** Of the conversation that is shown, once the engine has given it one. */
  conversationId(): Promise<string> {
    return until("the conversation has its address", () => idOfPath.exec(new URL(this.page.url()).pathname)?.[1]);
  }

  /** Whether another tab is in front, as the page knows it. */
  isHidden(): Promise<boolean> {
    return this.page.evaluate(() => document.visibilityState === "hidden");
  }

  status(article = this.answer): Promise<Status | null> {
    return article.getAttribute("data-status", { timeout: patience }) as Promise<Status | null>;
  }

  /** Waits for the newest answer, or this message, to be so. */
  async waitForStatus(wanted: Status | readonly Status[], article = this.answer, ms = 60_000): Promise<void> {
    const all: readonly Status[] = typeof wanted === "string" ? [wanted] : wanted;
    let last: string | null = null;
    await until(`status ${all.join(" or ")}`, async () => {
      last = (await article.count()) === 0 ? "absent" : await article.getAttribute("data-status", { timeout: 1_000 }).catch(() => "absent");
      return all.includes(last as Status);
    }, ms).catch((error: unknown) => {
      throw new Error(`${String(error)}; it is ${last}`);
    });
  }

  /** The text of the newest answer as it is shown, without marks of markdown; what counts is `source`. */
  shown(article = this.answer): Promise<string> {
    return article.locator("[data-text]").evaluate((node) => node.textContent ?? "", undefined, { timeout: patience });
  }

  /** Waits until the newest answer shows at least so many of the mock model's words (` 7:Häuser`). */
  async waitForWords(count: number, article = this.answer, ms = 30_000): Promise<void> {
    await until(`${count} words of the answer`, async () => (await this.words(article)) >= count, ms);
  }

  /** How many of the mock model's words are shown. */
  async words(article = this.answer): Promise<number> {
    if ((await article.count()) === 0) return 0;
    return this.page.evaluate((node) => Number(/(\d+):\S*\s*$/.exec(node?.textContent?.trimEnd() ?? "")?.[1] ?? -1) + 1,
      await article.locator("[data-text]").elementHandle({ timeout: 1_000 }).catch(() => null));
  }

  /** The exact text of a message, as the page has it: of a question what is shown, of an answer "Show source". */
  async source(article = this.answer): Promise<string> {
    if ((await article.getAttribute("data-role", { timeout: patience })) === "user") return this.shown(article);
    await this.showSource(article);
    const text = await article.locator("pre[data-source]").evaluate((node) => node.textContent ?? "", undefined, { timeout: patience });
    await article.getByRole("button", { name: "Hide source" }).click({ timeout: patience });
    return text;
  }
  async showSource(article: Locator): Promise<void> {
    await article.getByRole("button", { name: "Show source" }).click({ timeout: patience });
  }
  /** What is said about the newest answer on demand: model, time, usage. */
  async openDetails(): Promise<void> {
    await this.answer.getByRole("button", { name: "About this answer" }).click({ timeout: patience });
  }
  async openConnection(): Promise<void> {
    await this.settled();
    if (!(await this.connectionMark.isVisible())) await this.openDrawer();
    await this.connectionMark.click({ timeout: patience });
    await this.page.getByRole("dialog").waitFor({ timeout: patience });
  }
  /** Of the newest question. */
  async startEdit(): Promise<void> {
    await this.questions.last().getByRole("button", { name: "Edit question" }).click({ timeout: patience });
  }
  async startRename(): Promise<void> {
    await this.list.locator('[aria-current="page"]').press("F2", { timeout: patience });
  }
  async removeCurrent(): Promise<void> {
    await this.list.locator('[aria-current="page"]').press("Delete", { timeout: patience });
  }
}

/** Runs in the page: whether any row of any database has a text. */
async function hasInStore(text: string): Promise<boolean> {
  const done = <T>(request: IDBRequest<T>) => new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const wanted = JSON.stringify(text).slice(1, -1);
  for (const { name } of await indexedDB.databases()) {
    const database = await done(indexedDB.open(name!));
    try {
      for (const store of database.objectStoreNames) {
        const rows = await done(database.transaction(store).objectStore(store).getAll());
        if (JSON.stringify(rows).includes(wanted)) return true;
      }
    } finally {
      database.close();
    }
  }
  return false;
}
