import { PanelLeft, Search, Settings, SquarePen, X } from "lucide-react";
import { type RefObject, Suspense } from "react";
import { Link } from "wouter";
import { IconButton } from "../../ui/icon_button.tsx";
import { lazily } from "../../ui/lazily.tsx";
import { Tooltip } from "../../ui/tooltip.tsx";
import { ConnectionMark } from "../connection/connection_mark.tsx";
import { isOfInputMethod } from "../keys/input_method.ts";
import { keysOfCommand } from "../keys/keymap.ts";
import { Mark } from "../layout/mark.tsx";
import { RegionBoundary } from "../layout/region_boundary.tsx";
import { ConversationList } from "./conversation_list.tsx";

const SearchResults = lazily(async () => (await import("./search_results.tsx")).SearchResults);

export interface SideColumnProps {
  currentId: string | null;
  searchField: RefObject<HTMLInputElement | null>;
  /** What is searched for; empty: the list is shown. */
  query: string;
  onQuery: (query: string) => void;
  onHide: () => void;
  onNewChat: () => void;
  onConnection: () => void;
}

/** The column beside the conversation: a new chat, the search, all chats, and at its foot how the connection is. */
export function SideColumn({
  currentId,
  searchField,
  query,
  onQuery,
  onHide,
  onNewChat,
  onConnection,
}: SideColumnProps) {
  const searching = query.trim() !== "";
  return (
    <>
      <div className="flex items-center gap-1 py-2 pr-2 pl-4">
        <Link href="/" className="flex min-h-9 flex-1 items-center gap-2 font-semibold">
          <Mark />
          Throughline
        </Link>
        <IconButton label="Hide the list" keys={keysOfCommand("toggle_list")} onClick={onHide}>
          <PanelLeft className="size-4.5" aria-hidden="true" />
        </IconButton>
      </div>
      <div className="flex flex-col gap-2 px-3 pb-2">
        <Tooltip text="New chat" keys={keysOfCommand("new_chat")}>
          <button
            type="button"
            onClick={onNewChat}
            className="flex min-h-10 cursor-pointer items-center gap-2.5 rounded-md border border-line bg-surface px-3 font-medium hover:border-edge md:min-h-9"
          >
            <SquarePen className="size-4 text-thread" aria-hidden="true" />
            New chat
          </button>
        </Tooltip>
        <search className="relative">
          <Search
            className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-faint"
            aria-hidden="true"
          />
          <input
            ref={searchField}
            type="search"
            enterKeyHint="search"
            placeholder="Search"
            aria-label="Search all chats"
            value={query}
            onChange={(event) => onQuery(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (isOfInputMethod(event.nativeEvent)) return;
              if (event.key === "Escape" && query !== "") {
                event.stopPropagation();
                onQuery("");
              }
              if (event.key === "ArrowDown") focusFirst(event);
            }}
            className="min-h-10 w-full rounded-md bg-transparent pr-9 pl-9.5 placeholder:text-faint hover:bg-hover focus:bg-surface md:min-h-9 [&::-webkit-search-cancel-button]:hidden"
          />
          {query !== "" && (
            <IconButton
              label="Clear the search"
              size="sm"
              className="absolute top-1/2 right-1 -translate-y-1/2"
              onClick={() => {
                onQuery("");
                searchField.current?.focus();
              }}
            >
              <X className="size-3.5" aria-hidden="true" />
            </IconButton>
          )}
        </search>
      </div>
      <h2 className="sr-only">Chats</h2>
      <RegionBoundary name="The list of chats">
        {searching ? (
          <Suspense fallback={<div className="flex-1" />}>
            <SearchResults query={query} currentId={currentId} />
          </Suspense>
        ) : (
          <ConversationList currentId={currentId} />
        )}
      </RegionBoundary>
      <div className="flex items-center gap-1 border-line border-t px-2 pt-2 pb-safe">
        <ConnectionMark onOpen={onConnection} />
        <Tooltip text="Settings">
          <Link
            href="/settings"
            aria-label="Settings"
            className="inline-flex size-9 items-center justify-center rounded-md text-soft hover:bg-hover hover:text-ink"
          >
            <Settings className="size-4.5" aria-hidden="true" />
          </Link>
        </Tooltip>
      </div>
    </>
  );
}

/** From the search field into what is below it. */
function focusFirst(event: { currentTarget: HTMLElement; preventDefault(): void }): void {
  const column = event.currentTarget.closest("aside");
  const first = column?.querySelector<HTMLElement>(
    "[data-search-results] a, [data-conversation][tabindex='0']",
  );
  if (!first) return;
  event.preventDefault();
  first.focus();
}
