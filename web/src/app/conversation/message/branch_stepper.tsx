import type { MessageView } from "@throughline/client";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { useEffect, useRef } from "react";
import { IconButton } from "../../../ui/icon_button.tsx";
import { useThread } from "../thread_context.ts";

/** Steps through the versions of a question or of an answer: ‹ 2/3 ›. Nothing when there is one only. */
export function BranchStepper({ message }: { message: MessageView }) {
  const { index, count } = message.branch;
  if (count < 2) return null;
  return (
    <span className="inline-flex items-center text-soft text-xs tabular-nums">
      <Step message={message} by={-1} />
      <span>
        <span className="sr-only">Version </span>
        {index + 1}/{count}
      </span>
      <Step message={message} by={1} />
    </span>
  );
}

/** The version that a press leads to, which is another message with buttons of its own, and how it was stepped there. */
let awaited: { readonly key: string; readonly by: number } | null = null;

/** Keeps the focus from version to version, and at the last one too: nobody looks for their place after a step. */
function Step({ message, by }: { message: MessageView; by: -1 | 1 }) {
  const { store } = useThread();
  const { key, branch } = message;
  const button = useRef<HTMLButtonElement>(null);
  const last = branch.index === (by < 0 ? 0 : branch.count - 1);
  const Icon = by < 0 ? ChevronLeft : ChevronRight;
  useEffect(() => {
    if (awaited?.key !== key || awaited.by !== by) return;
    awaited = null;
    if (document.activeElement === document.body) button.current?.focus({ preventScroll: true });
  }, [key, by]);
  const step = () => {
    if (last) return;
    const place = store.get().thread.indexOf(key);
    store.switchBranch(key, by);
    const next = store.get().thread[place];
    awaited = next === undefined || next === key ? null : { key: next, by };
  };
  return (
    <IconButton
      ref={button}
      label={by < 0 ? "Previous version" : "Next version"}
      size="sm"
      aria-disabled={last || undefined}
      onClick={step}
      className="aria-disabled:cursor-default aria-disabled:opacity-50"
    >
      <Icon className="size-4" aria-hidden="true" />
    </IconButton>
  );
}
