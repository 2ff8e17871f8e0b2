import type { SearchResult } from "@throughline/client";
import { useEffect, useState } from "react";
import { useThroughline } from "../../react/throughline.tsx";

export type SearchState =
  | { readonly kind: "searching" }
  | { readonly kind: "found"; readonly query: string; readonly result: SearchResult }
  | { readonly kind: "failed" };

const typingPause = 150;

/**
 * Searches as one types: after a short pause, and only for what is written last. What was found stays until there is
 * something newer, so that the list does not flicker.
 */
export function useSearch(query: string): SearchState {
  const client = useThroughline();
  const [state, setState] = useState<SearchState>({ kind: "searching" });
  const wanted = query.trim();
  useEffect(() => {
    if (wanted === "") return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      client.search(wanted, abort.signal).then(
        (result) => {
          if (!abort.signal.aborted) setState({ kind: "found", query: wanted, result });
        },
        () => {
          if (!abort.signal.aborted) setState({ kind: "failed" });
        },
      );
    }, typingPause);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, wanted]);
  return state;
}
