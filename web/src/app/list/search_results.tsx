import { type KeyboardEvent, useRef } from "react";
import { Link } from "wouter";
import { classNames } from "../../ui/class_names.ts";
import { listMove } from "./list_keys.ts";
import { markMatches } from "./snippet.ts";
import { useSearch } from "./use_search.ts";

/** What was found, instead of the list, while something is searched for. */
export function SearchResults({ query, currentId }: { query: string; currentId: string | null }) {
  const state = useSearch(query);
  const list = useRef<HTMLUListElement>(null);

  const onKeyDown = (event: KeyboardEvent) => {
    const links = Array.from(list.current?.querySelectorAll("a") ?? []);
    const move = listMove(
      event.key,
      links.indexOf(document.activeElement as HTMLAnchorElement),
      links.length,
    );
    if (move?.kind !== "focus") return;
    event.preventDefault();
    links[move.index]?.focus();
  };

  return (
    <nav aria-label="Search results" className="min-h-0 flex-1 overflow-y-auto overscroll-contain pb-3">
      <p role="status" className="px-5 py-2 text-faint text-xs">
        {words(state)}
      </p>
      {state.kind === "found" && (
        <ul ref={list} onKeyDown={onKeyDown} data-search-results>
          {state.result.hits.map((hit) => (
            <li key={hit.conversationId} className="mx-2">
              <Link
                href={`/c/${hit.conversationId}`}
                aria-current={hit.conversationId === currentId ? "page" : undefined}
                className={classNames(
                  "block rounded-md px-3 py-2",
                  hit.conversationId === currentId ? "bg-active" : "hover:bg-hover focus-visible:bg-hover",
                )}
              >
                <span dir="auto" className="block truncate text-ink">
                  <Marked text={hit.title} query={state.query} />
                </span>
                {hit.snippet !== "" && hit.snippet !== hit.title && (
                  <span dir="auto" className="mt-0.5 line-clamp-2 text-soft text-sm">
                    <Marked text={hit.snippet} query={state.query} />
                  </span>
                )}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </nav>
  );
}

function words(state: ReturnType<typeof useSearch>): string {
  if (state.kind === "searching") return "Searching…";
  if (state.kind === "failed") return "The search did not work. Change a letter to try again.";
  const count = state.result.hits.length;
  const found = count === 0 ? "Nothing found" : count === 1 ? "1 chat" : `${count} chats`;
  return state.result.from === "cache"
    ? `${found} among those kept on this device: the engine cannot be asked now`
    : found;
}

function Marked({ text, query }: { text: string; query: string }) {
  let offset = 0;
  return markMatches(text, query).map((part) => {
    const key = offset;
    offset += part.text.length;
    if (!part.match) return <span key={key}>{part.text}</span>;
    return (
      <mark key={key} className="rounded-sm bg-thread-wash text-thread-deep">
        {part.text}
      </mark>
    );
  });
}
