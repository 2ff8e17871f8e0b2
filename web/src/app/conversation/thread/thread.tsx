import type { ConversationStore, ConversationView } from "@throughline/client";
import {
  type RefObject,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { useConnection } from "../../../react/throughline.tsx";
import { Spinner } from "../../../ui/spinner.tsx";
import { Message } from "../message/message.tsx";
import { following } from "./follow.ts";
import { LongListContext } from "./long_list.ts";
import { NewTextButton } from "./new_text_button.tsx";
import { placeOf, rememberPlace } from "./scroll_memory.ts";
import { Scroller } from "./scroller.ts";
import { useDrawnFrom } from "./use_drawn.ts";
import { useOlder } from "./use_older.ts";
import { useReserve } from "./use_reserve.ts";

/** Threads up to this length are drawn whole, so that the browser's own search finds everything in them. */
const wholeMax = 60;

export interface ThreadHandle {
  /** To the end, as after sending. */
  toEnd(): void;
}

export interface ThreadProps {
  handle: RefObject<ThreadHandle | null>;
  store: ConversationStore;
  view: ConversationView;
  /** Under which the reader's place is remembered. */
  placeKey: string;
  editingKey: string | null;
  /** The answer that gets its room in advance. */
  reserveKey: string | null;
}

/** The messages of a conversation, in a window that scrolls. */
export function Thread({ handle, store, view, placeKey, editingKey, reserveKey }: ThreadProps) {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const { thread } = view;
  const keys = useRef(thread);
  keys.current = thread;
  const [startsVirtual] = useState(() => thread.length > wholeMax || view.olderAvailable);
  const virtual = startsVirtual || thread.length > wholeMax * 4;
  const [remembered] = useState(() => placeOf(placeKey));
  const [scroller, setScroller] = useState<Scroller | null>(null);
  const reserve = useReserve(box, reserveKey);
  const { state } = useConnection();
  const reachable = state.kind !== "offline" && state.kind !== "waiting";
  const startKey = remembered?.place.kind === "at" ? remembered.place.key : undefined;
  const drawnFrom = useDrawnFrom(store, thread, startKey, startsVirtual);
  const drawn = useMemo(() => (virtual ? thread : thread.slice(drawnFrom)), [virtual, thread, drawnFrom]);
  const { shifted, atTop } = useOlder(store, view, drawn, box, virtual, reachable);

  useLayoutEffect(() => {
    const element = box.current;
    const inside = content.current;
    if (element === null || inside === null) return;
    const start = restore(element, list.current, keys.current, remembered?.place);
    const made = new Scroller(element, inside, start);
    setScroller(made);
    return () => {
      const handleNow = list.current;
      rememberPlace(placeKey, {
        place: made.get().kind === "following" ? { kind: "end" } : placeIn(element),
        sizes: handleNow === null ? null : { count: keys.current.length, cache: handleNow.cache },
      });
      made.stop();
    };
  }, [placeKey, remembered]);

  useImperativeHandle(handle, () => ({ toEnd: () => scroller?.toEnd() }), [scroller]);
  useGrowth(store, thread.at(-1), scroller);

  const draw = useCallback(
    (key: string, index: number) => (
      <Message
        key={key}
        messageKey={key}
        first={index === 0}
        last={index === thread.length - 1}
        editing={key === editingKey}
        reserve={key === reserveKey ? reserve : 0}
      />
    ),
    [thread, editingKey, reserveKey, reserve],
  );
  const sizes = remembered?.sizes;
  return (
    <div className="relative min-h-0 flex-1">
      <section
        ref={box}
        aria-label="Messages"
        // What scrolls must be reachable by keyboard.
        tabIndex={-1}
        onScroll={(event) => atTop(event.currentTarget.scrollTop)}
        className="h-full overflow-y-auto overflow-x-hidden overscroll-contain px-safe outline-none [overflow-anchor:none]"
      >
        <div ref={content} className="mx-auto max-w-read px-4 pt-3 pb-3">
          {view.olderAvailable && (
            <div className="flex h-6 items-center justify-center">
              {reachable ? (
                <Spinner label="Loading earlier messages" className="size-3 text-faint" />
              ) : (
                <p className="truncate text-faint text-xs">Earlier messages come with the connection.</p>
              )}
            </div>
          )}
          {virtual ? (
            <LongListContext value={true}>
              <Virtualizer
                ref={list}
                scrollRef={box}
                data={thread}
                shift={shifted}
                startMargin={view.olderAvailable ? 36 : 12}
                keepMounted={keptOf(thread, editingKey)}
                {...(sizes?.count === thread.length ? { cache: sizes.cache } : {})}
              >
                {draw}
              </Virtualizer>
            </LongListContext>
          ) : (
            drawn.map((key, index) => draw(key, drawnFrom + index))
          )}
        </div>
      </section>
      {scroller !== null && <NewTextButton scroller={scroller} />}
    </div>
  );
}

/** Drawn wherever the reader is: the end, which grows, and the question that is being changed, with what is written there. */
function keptOf(thread: readonly string[], editingKey: string | null): number[] {
  const edited = editingKey === null ? -1 : thread.indexOf(editingKey);
  return [...new Set([edited, thread.length - 1])].filter((index) => index >= 0);
}

function restore(
  element: HTMLElement,
  list: VirtualizerHandle | null,
  keys: readonly string[],
  place: ReturnType<typeof placeIn> | undefined,
) {
  const index = place?.kind === "at" ? keys.indexOf(place.key) : -1;
  if (place?.kind !== "at" || index < 0) {
    if (list === null) element.scrollTop = element.scrollHeight;
    else list.scrollToIndex(keys.length - 1, { align: "end" });
    return following;
  }
  if (list !== null) list.scrollToIndex(index, { align: "start", offset: place.offset });
  else {
    const article = element.querySelector(`[data-key="${CSS.escape(place.key)}"]`);
    const top = article?.getBoundingClientRect().top ?? 0;
    element.scrollTop += top - element.getBoundingClientRect().top + place.offset;
  }
  return { kind: "reading", newBelow: false } as const;
}

/** The topmost message that is seen, and how much of it is above the window. */
function placeIn(element: HTMLElement) {
  const top = element.getBoundingClientRect().top;
  for (const article of element.querySelectorAll<HTMLElement>("article[data-key]")) {
    const bounds = article.getBoundingClientRect();
    const key = article.dataset["key"];
    if (bounds.bottom > top && key !== undefined)
      return { kind: "at", key, offset: top - bounds.top } as const;
  }
  return { kind: "end" } as const;
}

/** Tells the scroller of what arrives at the end, for the button that says so. */
function useGrowth(store: ConversationStore, lastKey: string | undefined, scroller: Scroller | null) {
  const seen = useRef(lastKey);
  useEffect(() => {
    if (lastKey === undefined || scroller === null) return;
    if (seen.current !== lastKey) scroller.grew();
    seen.current = lastKey;
    const message = store.message(lastKey);
    let length = message.get()?.content.length ?? 0;
    return message.subscribe(() => {
      const now = message.get()?.content.length ?? 0;
      if (now !== length) scroller.grew();
      length = now;
    });
  }, [store, lastKey, scroller]);
}
