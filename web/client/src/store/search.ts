/** Looks in titles and texts: the engine does when it can be asked, else an index over what this browser has. */
import type { Message } from "../protocol/types.ts";
import type { SearchResult } from "./contract.ts";
import type { Parts } from "./parts.ts";

type Hit = SearchResult["hits"][number];

const hits_max = 50;
const snippet_before = 40;
const snippet_length = 160;
/** Longer texts are found by their beginning: an index of everything would not fit beside the page. */
const indexed_characters_max = 20_000;

export class Search {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async find(query: string, signal?: AbortSignal): Promise<SearchResult> {
    const wanted = query.trim();
    if (wanted === "") return { from: "cache", hits: [] };
    if (this.#parts.isReachable()) {
      const reply = await this.#parts.engine.conversations({ limit: hits_max, q: wanted }, signal);
      if (reply.ok) {
        this.#parts.replica.merge(
          { conversations: reply.value.data.map(({ snippet: _, ...each }) => each) },
          "read",
        );
        const hits = reply.value.data.map((each) => ({
          conversationId: each.id,
          title: each.title,
          snippet: each.snippet ?? "",
          updatedAt: Date.parse(each.updated_at),
        }));
        return { from: "engine", hits };
      }
    }
    signal?.throwIfAborted();
    return { from: "cache", hits: await this.#findInCache(wanted, signal) };
  }

  async #findInCache(query: string, signal: AbortSignal | undefined): Promise<readonly Hit[]> {
    const { default: MiniSearch } = await import("minisearch");
    signal?.throwIfAborted();
    const { replica, cache } = this.#parts;
    const index = new MiniSearch<{ id: string; text: string }>({
      fields: ["text"],
      searchOptions: { prefix: true, combineWith: "AND", fuzzy: (term) => (term.length > 4 ? 0.2 : false) },
    });
    const texts = new Map<string, Message>();
    for (const conversation of replica.conversations.values()) {
      index.add({ id: `t:${conversation.id}`, text: conversation.title });
    }
    const add = (message: Message) => {
      if (texts.has(message.id) || message.content === "") return;
      texts.set(message.id, message);
      index.add({ id: `m:${message.id}`, text: message.content.slice(0, indexed_characters_max) });
    };
    for (const message of replica.messages.values()) add(message);
    await cache.eachMessage(add);
    signal?.throwIfAborted();
    const hits = new Map<string, Hit>();
    for (const result of index.search(query)) {
      const id = String(result["id"]);
      const message = id.startsWith("m:") ? texts.get(id.slice(2)) : undefined;
      const conversation = replica.conversations.get(message?.conversation_id ?? id.slice(2));
      if (conversation === undefined || hits.has(conversation.id)) continue;
      hits.set(conversation.id, {
        conversationId: conversation.id,
        title: conversation.title,
        snippet: message === undefined ? "" : snippetOf(message.content, result.terms),
        updatedAt: Date.parse(conversation.updated_at),
      });
      if (hits.size === hits_max) break;
    }
    return [...hits.values()];
  }
}

function snippetOf(content: string, terms: readonly string[]): string {
  const lower = content.toLowerCase();
  const places = terms.map((term) => lower.indexOf(term)).filter((place) => place >= 0);
  const start = Math.max(0, Math.min(...places, content.length) - snippet_before);
  const cut = content
    .slice(start, start + snippet_length)
    .replaceAll(/\s+/g, " ")
    .trim();
  return `${start > 0 ? "…" : ""}${cut}${start + snippet_length < content.length ? "…" : ""}`;
}
