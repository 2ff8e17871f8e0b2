import { useActivity, useConnection } from "../../react/throughline.tsx";
import { classNames } from "../../ui/class_names.ts";
import { type ConnectionTone, connectionWords } from "./connection_words.ts";

const dots: Record<ConnectionTone, string> = {
  good: "bg-thread",
  waiting: "animate-breathe bg-warn",
  off: "border border-edge",
};

/** How the connection is, in a dot and a word; opens what there is to know about it. */
export function ConnectionMark({ onOpen }: { onOpen: () => void }) {
  const { tone, text } = connectionWords(useConnection());
  const { waitingToSend } = useActivity();
  return (
    <button
      type="button"
      onClick={onOpen}
      aria-haspopup="dialog"
      className="flex min-h-9 min-w-0 flex-1 cursor-pointer items-center gap-2.5 rounded-md px-2 text-soft text-sm hover:bg-hover hover:text-ink"
    >
      <span aria-hidden="true" className={classNames("size-2 shrink-0 rounded-full", dots[tone])} />
      <span className="truncate">
        {text}
        {waitingToSend > 0 && ` · ${waitingToSend} to send`}
      </span>
      <span className="sr-only">: about this connection</span>
    </button>
  );
}
