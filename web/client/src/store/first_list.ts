/**
 * The beginning of the list of conversations, in storage that can be read at once: the list is there with the first drawing of
 * a page, before its cache has been opened. What the cache and the engine say replaces it.
 */
import type { ConversationSummary } from "./contract.ts";
import { local_prefix } from "./conversation.ts";
import type { StoreEnvironment } from "./environment.ts";

/** As many as are seen at first on a high screen. */
const kept_max = 40;

export class FirstList {
  readonly #environment: StoreEnvironment;
  readonly #name: string;
  readonly #owner: () => string | null;
  #written: string | null = null;
  #next: readonly ConversationSummary[] | null = null;

  constructor(environment: StoreEnvironment, baseUrl: string, owner: () => string | null) {
    this.#environment = environment;
    this.#name = `throughline:list:${baseUrl}`;
    this.#owner = owner;
  }

  /** What was kept for the owner; empty if that was another one. */
  read(): readonly ConversationSummary[] {
    const owner = this.#owner();
    const text = this.#environment.texts.get(this.#name);
    return owner === null || text === null ? [] : decode(text, owner);
  }

  /** Keeps the beginning of `items`, when there is time. */
  keep(items: readonly ConversationSummary[]): void {
    const isWaiting = this.#next !== null;
    this.#next = items;
    if (!isWaiting) this.#environment.whenIdle(() => this.#write());
  }

  /** Somebody else may look at this browser next. */
  forget(): void {
    this.#next = null;
    this.#written = null;
    this.#environment.texts.set(this.#name, null);
  }

  #write(): void {
    const owner = this.#owner();
    if (this.#next === null || owner === null) return;
    const items = this.#next
      .filter(({ id }) => !id.startsWith(local_prefix))
      .slice(0, kept_max)
      // Whether an answer is still written is not known when this is read.
      .map((item) => ({ ...item, running: false }));
    this.#next = null;
    const text = JSON.stringify({ owner, items });
    if (text === this.#written) return;
    this.#written = text;
    const { texts } = this.#environment;
    texts.set(this.#name, text);
    // Full: better no list than one of before.
    if (texts.get(this.#name) !== text) texts.set(this.#name, null);
  }
}

function decode(text: string, owner: string): readonly ConversationSummary[] {
  try {
    const kept: unknown = JSON.parse(text);
    if (!isObject(kept) || kept["owner"] !== owner || !Array.isArray(kept["items"])) return [];
    return kept["items"].filter(isSummary);
  } catch {
    return [];
  }
}

function isSummary(item: unknown): item is ConversationSummary {
  return (
    isObject(item) &&
    ["id", "title"].every((name) => typeof item[name] === "string") &&
    ["pinned", "running", "cached"].every((name) => typeof item[name] === "boolean") &&
    ["updatedAt", "messageCount", "unread"].every((name) => typeof item[name] === "number")
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
