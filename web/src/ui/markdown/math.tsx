/** KaTeX, in a chunk of its own. It builds elements, never HTML text, and may neither load nor link anything (`trust: false`). */
import "katex/dist/katex.min.css";
import katex from "katex";
import { useLayoutEffect, useRef, useState } from "react";
import { type FormulaProps, FormulaSource } from "./formula.tsx";

/** Longer formulas are not typeset: nobody reads them, and their cost is what a bomb lives on. */
const texMax = 4_000;

export default function Typeset(props: FormulaProps) {
  const { tex, display } = props;
  const place = useRef<HTMLSpanElement>(null);
  const [unreadable, setUnreadable] = useState<string>();
  useLayoutEffect(() => {
    if (place.current === null || unreadable === tex) return;
    const error = typeset(tex, display, place.current);
    if (error !== undefined) setUnreadable(tex);
  }, [tex, display, unreadable]);
  if (unreadable === tex) return <FormulaSource {...props} />;
  return <span ref={place} dir="ltr" className={display ? "md-math md-math-display" : "md-math"} />;
}

/** Fills `place` with the formula. Returns what is wrong with it, if it cannot be drawn. */
export function typeset(tex: string, display: boolean, place: HTMLElement): string | undefined {
  if (tex.length > texMax) return "too long";
  try {
    katex.render(tex, place, {
      displayMode: display,
      throwOnError: true,
      trust: false,
      strict: "ignore",
      maxExpand: 200,
      maxSize: 20,
    });
    return undefined;
  } catch (error) {
    // Also a RangeError: formulas nested without end run out of stack.
    return error instanceof Error ? error.message : "unreadable";
  }
}
