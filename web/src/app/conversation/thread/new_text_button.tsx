import { ArrowDown } from "lucide-react";
import { useSyncExternalStore } from "react";
import { Button } from "../../../ui/button.tsx";
import type { Scroller } from "./scroller.ts";

/** Leads back to the end while the reader is elsewhere, and says when there is something new. */
export function NewTextButton({ scroller }: { scroller: Scroller }) {
  const follow = useSyncExternalStore(scroller.subscribe, scroller.get);
  if (follow.kind === "following") return null;
  return (
    <div className="pointer-events-none absolute inset-x-0 bottom-2 flex justify-center">
      <Button size="sm" className="pointer-events-auto rounded-full shadow-float" onClick={scroller.toEnd}>
        <ArrowDown className="size-3.5" aria-hidden="true" />
        {follow.newBelow ? "New text below" : "To the end"}
      </Button>
    </div>
  );
}
