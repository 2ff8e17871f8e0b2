import type { MessageView } from "@throughline/client";
import { useEffect, useId, useRef, useState } from "react";
import { Button } from "../../../ui/button.tsx";
import { editorAct } from "../composer/composer_keys.ts";
import { isSendable, lengthNote } from "../composer/size_limit.ts";
import { useThread } from "../thread_context.ts";

/** Changes a question in its place. What is sent is another version of it; the one before stays, a step away. */
export function QuestionEditor({ message }: { message: MessageView }) {
  const { edit, sendEdit } = useThread();
  const [text, setText] = useState(message.content);
  const field = useRef<HTMLTextAreaElement>(null);
  const hintId = useId();
  useEffect(() => {
    const element = field.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, []);
  const note = lengthNote(text);
  const send = () => {
    if (isSendable(text)) sendEdit(message.key, text);
  };
  return (
    <div className="mb-4 rounded-md border border-edge bg-surface p-2 focus-within:border-thread">
      <textarea
        ref={field}
        value={text}
        aria-label="Edit question"
        aria-describedby={hintId}
        dir="auto"
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          const act = editorAct(event.nativeEvent);
          if (act === null) return;
          event.preventDefault();
          event.stopPropagation();
          if (act === "send") send();
          else edit(null);
        }}
        className="field-sizing-content max-h-composer min-h-12 w-full resize-none bg-transparent px-2 py-1 text-read outline-none"
      />
      <div className="flex flex-wrap items-center justify-end gap-2">
        <p id={hintId} className="mr-auto px-2 text-faint text-xs">
          {note?.text ?? "The answer to it will be a new one; the old version is kept."}
        </p>
        <Button size="sm" variant="quiet" onClick={() => edit(null)}>
          Cancel
        </Button>
        <Button size="sm" variant="primary" disabled={!isSendable(text)} onClick={send}>
          Send
        </Button>
      </div>
    </div>
  );
}
