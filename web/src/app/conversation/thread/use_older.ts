import type { ConversationStore, ConversationView } from "@throughline/client";
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from "react";

/** Nearer to the top than this many pixels, earlier messages are asked for. */
const askWithin = 800;

/**
 * Earlier messages: asked for when the reader comes near the top, and put in above without moving what is read. `shifted` is
 * true in the drawing in which they came, which is what a virtual list has to know; another list is put right here. `thread` is
 * what is drawn.
 */
export function useOlder(
  store: ConversationStore,
  view: ConversationView,
  thread: readonly string[],
  box: RefObject<HTMLElement | null>,
  virtual: boolean,
  reachable: boolean,
) {
  const { olderAvailable } = view;
  const asked = useRef(false);
  const before = useRef({ first: thread[0], count: thread.length });
  const shifted =
    before.current.first !== undefined &&
    before.current.first !== thread[0] &&
    thread.length > before.current.count &&
    thread[thread.length - before.current.count] === before.current.first;

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (shifted && !virtual)
      element.scrollTop += topOf(element, before.current.first) - topOf(element, thread[0]);
    before.current = { first: thread[0], count: thread.length };
  }, [thread, shifted, virtual, box]);

  const atTop = useCallback(
    (scrollTop: number) => {
      if (!olderAvailable || asked.current || scrollTop > askWithin) return;
      asked.current = true;
      void store.loadOlder().finally(() => {
        asked.current = false;
      });
    },
    [store, olderAvailable],
  );
  // Who waits at the top while there is no connection does not scroll again when there is one.
  const wasReachable = useRef(reachable);
  useEffect(() => {
    if (reachable && !wasReachable.current && box.current !== null) atTop(box.current.scrollTop);
    wasReachable.current = reachable;
  }, [reachable, atTop, box]);
  return { shifted, atTop };
}

function topOf(box: HTMLElement, key: string | undefined): number {
  const article = box.querySelector(`[data-key="${CSS.escape(key ?? "")}"]`);
  return article?.getBoundingClientRect().top ?? 0;
}
