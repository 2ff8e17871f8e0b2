/** Texts that are being written, per conversation and owner, in storage that can be read at once. */
import type { Texts } from "./environment.ts";

/** A draft of this length is a pasted file; the storage is shared with everything else. */
const kept_characters_max = 100_000;

export class Drafts {
  readonly #texts: Texts;
  readonly #owner: () => string | null;
  readonly #written = new Map<string, string>();

  constructor(texts: Texts, owner: () => string | null) {
    this.#texts = texts;
    this.#owner = owner;
  }

  get(conversationId: string | null): string {
    const name = this.#name(conversationId);
    return this.#written.get(name) ?? this.#texts.get(name) ?? "";
  }

  set(conversationId: string | null, text: string): void {
    const name = this.#name(conversationId);
    this.#written.set(name, text);
    this.#texts.set(name, text === "" || text.length > kept_characters_max ? null : text);
  }

  /** A conversation got its id: the draft goes with it. */
  move(from: string, to: string): void {
    const text = this.get(from);
    if (text === "") return;
    this.set(from, "");
    if (this.get(to) === "") this.set(to, text);
  }

  #name(conversationId: string | null): string {
    return `throughline:draft:${this.#owner() ?? ""}:${conversationId ?? ""}`;
  }
}
