import type { MessageView } from "@throughline/client";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { IconButton } from "../../../ui/icon_button.tsx";
import { useThread } from "../thread_context.ts";

/** Steps through the versions of a question or of an answer: ‹ 2/3 ›. Nothing when there is one only. */
export function BranchStepper({ message }: { message: MessageView }) {
  const { store } = useThread();
  const { index, count } = message.branch;
  if (count < 2) return null;
  return (
    <span className="inline-flex items-center text-soft text-xs tabular-nums">
      <IconButton
        label="Previous version"
        size="sm"
        disabled={index === 0}
        onClick={() => store.switchBranch(message.key, -1)}
      >
        <ChevronLeft className="size-4" aria-hidden="true" />
      </IconButton>
      <span>
        <span className="sr-only">Version </span>
        {index + 1}/{count}
      </span>
      <IconButton
        label="Next version"
        size="sm"
        disabled={index === count - 1}
        onClick={() => store.switchBranch(message.key, 1)}
      >
        <ChevronRight className="size-4" aria-hidden="true" />
      </IconButton>
    </span>
  );
}
