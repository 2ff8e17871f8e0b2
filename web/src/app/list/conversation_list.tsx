import type { ConversationSummary } from "@throughline/client";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { useLocation } from "wouter";
import { useConversations, useThroughline } from "../../react/throughline.tsx";
import { whenFocusIsLost } from "../../ui/lost_focus.ts";
import { pinConversation, removeConversation, renameConversation } from "./conversation_actions.ts";
import { ConversationRow, type RowActions } from "./conversation_row.tsx";
import { groupByDay, type ListLine, nextMidnight } from "./day_groups.ts";
import { indexAfterRemoval, listMove } from "./list_keys.ts";
import { EmptyList, LoadingList } from "./list_states.tsx";

/** How far from the end of the list more of it is asked for, in pixels. */
const loadMoreWithin = 800;

/** Of most rows on a desk, in pixels: with it as many are drawn at first as are seen. */
const rowHeight = 36;

/** All conversations by day. Only what is seen is drawn, however many there are. */
export function ConversationList({ currentId }: { currentId: string | null }) {
  const client = useThroughline();
  const view = useConversations();
  const [, navigate] = useLocation();
  const now = useToday();
  const lines = useMemo(() => groupByDay(view.items, now), [view.items, now]);
  const [focusedId, setFocusedId] = useState<string | null>(null);
  const [renamingId, setRenamingId] = useState<string | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useRef<VirtualizerHandle>(null);
  const loadingMore = useRef(false);
  const current = useRef(currentId);
  current.current = currentId;

  const has = (id: string | null) => id !== null && view.items.some((item) => item.id === id);
  const tabbableId = has(focusedId) ? focusedId : has(currentId) ? currentId : (view.items[0]?.id ?? null);
  const tabbableLine = lines.findIndex((line) => line.kind === "item" && line.item.id === tabbableId);

  const focusRow = (id: string) => {
    setFocusedId(id);
    const index = lines.findIndex((line) => line.kind === "item" && line.item.id === id);
    if (index >= 0) virtualizer.current?.scrollToIndex(index, { align: "nearest" });
    whenDrawn(() => scroller.current?.querySelector<HTMLElement>(`[data-conversation="${CSS.escape(id)}"]`));
  };

  const remove = (item: ConversationSummary, refocus: boolean) => {
    const index = view.items.findIndex((other) => other.id === item.id);
    const others = view.items.filter((other) => other.id !== item.id);
    const wasOpen = current.current === item.id;
    removeConversation(client, item, () => {
      if (wasOpen) navigate(`/c/${item.id}`);
    });
    if (wasOpen) navigate("/");
    const next = others[indexAfterRemoval(index, view.items.length)];
    if (next === undefined) return;
    if (refocus) focusRow(next.id);
    else whenFocusIsLost(() => latest.current.focusRow(next.id));
  };

  const latest = useRef({ remove, focusRow });
  latest.current = { remove, focusRow };
  // One object for ever: a row is drawn again only when its own conversation has changed.
  const actions = useMemo<RowActions>(
    () => ({
      rename: setRenamingId,
      finishRename(id, title) {
        setRenamingId(null);
        if (title !== null) void renameConversation(client, id, title);
        // Who left the field for another place stays there.
        whenFocusIsLost(() => latest.current.focusRow(id));
      },
      pin: (item) => void pinConversation(client, item.id, !item.pinned),
      remove: (item) => latest.current.remove(item, false),
    }),
    [client],
  );

  const onKeyDown = (event: KeyboardEvent) => {
    const from = event.target instanceof Element ? event.target.closest("[data-conversation]") : null;
    if (from === null || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const index = view.items.findIndex((item) => item.id === from.getAttribute("data-conversation"));
    const move = listMove(event.key, index, view.items.length);
    const item = move === undefined ? undefined : view.items[move.index];
    if (move === undefined || item === undefined) return;
    event.preventDefault();
    if (move.kind === "focus") focusRow(item.id);
    else if (move.kind === "rename") setRenamingId(item.id);
    else remove(item, true);
  };

  const loadMoreNearEnd = (offset: number) => {
    const handle = virtualizer.current;
    if (handle === null || !view.hasMore || loadingMore.current) return;
    if (handle.scrollSize - offset - handle.viewportSize > loadMoreWithin) return;
    loadingMore.current = true;
    void client.conversations.loadMore().finally(() => {
      loadingMore.current = false;
    });
  };

  if (view.items.length === 0) return view.loading === "ready" ? <EmptyList /> : <LoadingList />;
  return (
    <nav
      aria-label="Chats"
      ref={scroller}
      onKeyDown={onKeyDown}
      onFocus={(event) => setFocusedId(event.target.getAttribute("data-conversation") ?? focusedId)}
      className="min-h-0 flex-1 overflow-y-auto overscroll-contain pb-3"
    >
      <Virtualizer
        ref={virtualizer}
        scrollRef={scroller}
        as="ul"
        item="li"
        data={lines}
        itemSize={rowHeight}
        keepMounted={tabbableLine < 0 ? [] : [tabbableLine]}
        onScroll={loadMoreNearEnd}
      >
        {(line: ListLine<ConversationSummary>) =>
          line.kind === "heading" ? (
            <h3 key={`# ${line.text}`} className="px-5 pt-4 pb-1 text-faint text-xs">
              {line.text}
            </h3>
          ) : (
            <ConversationRow
              key={line.item.id}
              item={line.item}
              current={line.item.id === currentId}
              tabbable={line.item.id === tabbableId}
              renaming={line.item.id === renamingId}
              actions={actions}
            />
          )
        }
      </Virtualizer>
    </nav>
  );
}

/** The clock of the labels: moves on at midnight, and when the page is looked at again after a night. */
function useToday(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const look = () => {
      if (document.visibilityState === "visible")
        setNow((last) => (nextMidnight(last) <= Date.now() ? Date.now() : last));
    };
    // A long timer is late after sleep, and setTimeout has an end: a minute is precise enough and costs nothing.
    const timer = setInterval(look, 60_000);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return now;
}

/** Focuses an element as soon as it is drawn: scrolling brings it within a frame or two. */
function whenDrawn(find: () => HTMLElement | null | undefined, tries = 5): void {
  requestAnimationFrame(() => {
    const found = find();
    if (found) found.focus({ preventScroll: true });
    else if (tries > 0) whenDrawn(find, tries - 1);
  });
}
