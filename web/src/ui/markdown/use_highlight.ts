import type { Root } from "hast";
import { useEffect, useRef, useState } from "react";
import { languageOf } from "./languages.ts";

/** Longer code stays plain (characters): one pass must not be felt. */
const highlightMax = 50_000;
const rememberedMax = 100;

export interface Highlighted {
  /** The beginning of the code that `tree` is made of. */
  readonly text: string;
  readonly tree: Root;
}

/** What was highlighted last, so that a message that comes back into view does not flash. */
const remembered = new Map<string, Highlighted>();

function remember(key: string, value: Highlighted): void {
  remembered.set(key, value);
  const oldest = remembered.keys().next();
  if (remembered.size > rememberedMax && oldest.done !== true) remembered.delete(oldest.value);
}

/**
 * The tokens of as much of `code` as has been highlighted; the rest is drawn plain. While the code grows (`closed` false) it
 * is done again whenever it has become a quarter longer, so that all passes together cost a small multiple of the last.
 */
export function useHighlight(code: string, info: string, closed: boolean): Highlighted | undefined {
  const language = code.length > highlightMax ? undefined : languageOf(info);
  const [done, setDone] = useState(() => remembered.get(`${language} ${code}`));
  const asked = useRef(done?.text.length ?? 0);
  const usable = done !== undefined && code.startsWith(done.text) ? done : undefined;
  if (done !== undefined && usable === undefined) asked.current = 0;
  const complete = usable !== undefined && usable.text.length === code.length;
  const wanted = language !== undefined && !complete && (closed || code.length > asked.current * 1.25 + 80);

  useEffect(() => {
    if (!wanted || language === undefined) return;
    let current = true;
    const text = closed ? code : code.slice(0, code.lastIndexOf("\n") + 1);
    asked.current = code.length;
    import("./highlight.ts")
      .then(({ highlight }) => highlight(text, language))
      .then((tree) => {
        const value = { text, tree };
        if (closed) remember(`${language} ${code}`, value);
        if (current) setDone(value);
      })
      // Without the language the code is plain, which is all that is lost.
      .catch(() => {});
    return () => {
      // While the code grows, a pass that has begun is still worth showing.
      if (closed) current = false;
    };
  }, [wanted, closed, code, language]);

  return language === undefined ? undefined : usable;
}
