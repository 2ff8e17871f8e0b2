import type { MessageView } from "@throughline/client";
import { ChevronRight } from "lucide-react";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { classNames } from "../../../ui/class_names.ts";
import { secondsText } from "./numbers.ts";
import { type Thinking, thinkingAt } from "./thinking_time.ts";

/**
 * What a model thought before it answered. Open while it is all there is, folded as soon as the answer begins; what the reader
 * chose holds.
 */
export function Reasoning({ message }: { message: MessageView }) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const thinking = useThinking(message);
  const regionId = useId();
  if (message.reasoning === "") return null;
  const thinks = message.live && message.content === "";
  const open = chosen ?? thinks;
  return (
    <div className="mb-2">
      <button
        type="button"
        aria-expanded={open}
        aria-controls={regionId}
        onClick={() => setChosen(!open)}
        className="-ml-1 inline-flex min-h-7 cursor-pointer items-center gap-1 rounded-sm px-1 text-faint text-sm hover:text-ink"
      >
        <ChevronRight
          aria-hidden="true"
          className={classNames("size-3.5 transition-transform duration-150 ease-calm", open && "rotate-90")}
        />
        {labelOf(thinks, thinking)}
      </button>
      <div id={regionId} hidden={!open}>
        {open && <Thoughts text={message.reasoning} follow={chosen === null} />}
      </div>
    </div>
  );
}

function labelOf(thinks: boolean, thinking: Thinking): string {
  if (thinks) return "Thinking";
  return thinking.kind === "thought" ? `Thought for ${secondsText(thinking.forMs)}` : "Thoughts";
}

/** While it opens by itself it is a window of a few lines on the newest ones; opened by hand it is whole. */
function Thoughts({ text, follow }: { text: string; follow: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  // After every draw: it is drawn again when the text has grown, and for nothing else.
  useLayoutEffect(() => {
    if (follow && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  });
  return (
    <div
      ref={box}
      dir="auto"
      className={classNames(
        "mt-1 whitespace-pre-wrap break-words border-line border-l pl-3 text-sm text-soft",
        follow && "max-h-40 overflow-hidden",
      )}
    >
      {text}
    </div>
  );
}

/** Times outlive the message's place on the screen: a long list draws only what is seen. */
const known = new Map<string, Thinking>();

function useThinking(message: MessageView): Thinking {
  const id = `${message.key} ${message.attempt}`;
  const [thinking, setThinking] = useState<Thinking>(() => known.get(id) ?? { kind: "unknown" });
  const { live } = message;
  const hasReasoning = message.reasoning !== "";
  const hasContent = message.content !== "";
  useEffect(() => {
    const next = thinkingAt(known.get(id), { live, hasReasoning, hasContent }, Date.now());
    if (known.get(id) === next) return;
    if (next.kind === "unknown") known.delete(id);
    else known.set(id, next);
    setThinking(next);
  }, [id, live, hasReasoning, hasContent]);
  return thinking;
}
