import { type RefObject, useLayoutEffect, useState } from "react";

/** Of the window, at least this much is kept free for the answer, however long the question is. */
const leastShare = 0.4;
/** Above the question, so that the thread is seen to come from somewhere. In pixels. */
const above = 12;

/** The room of an answer to a question of that height, in pixels: with it, the question stands at the top of the window. */
export function reserveFor(window: number, question: number, padding: number): number {
  return Math.max(0, Math.floor(Math.max(window * leastShare, window - question - padding - above)));
}

/**
 * The height that the answer `key` is given from the moment its question is sent: it begins where it will stay, and nothing
 * moves until the window is full. 0 when `key` is null.
 */
export function useReserve(scroller: RefObject<HTMLElement | null>, key: string | null): number {
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (key === null || element === null) {
      setHeight(0);
      return;
    }
    const measure = () => {
      const answer = element.querySelector(`[data-key="${CSS.escape(key)}"]`);
      const articles = [...element.querySelectorAll("article")];
      const question = answer === null ? undefined : articles[articles.indexOf(answer as HTMLElement) - 1];
      setHeight(reserveFor(element.clientHeight, question?.offsetHeight ?? 0, 24));
    };
    measure();
    const sizes = new ResizeObserver(measure);
    sizes.observe(element);
    return () => sizes.disconnect();
  }, [scroller, key]);
  return height;
}
