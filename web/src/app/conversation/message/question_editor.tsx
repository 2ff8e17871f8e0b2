import type { MessageView } from "@throughline/client";
import { useEffect, useId, useRef, useState } from "react";
import { Button } from "../../../ui/button.tsx";
import { editorAct } from "../composer/composer_keys.ts";
import { isSendable, lengthNote } from "../composer/size_limit.ts";
import { useThread } from "../thread_context.ts";
import type { EditDraft } from "./edit_draft.ts";

export interface QuestionEditorProps {
  message: MessageView;
  draft: EditDraft;
  /** False: it is back as it was left, and nobody asked for it just now. */
  takesFocus: boolean;
}

/** Changes a question in its place. What is sent is another version of it; the one before stays, a step away. */
export function QuestionEditor({ message, draft, takesFocus }: QuestionEditorProps) {
  const { edit, sendEdit } = useThread();
  const [text, setText] = useState(() => draft.get());
  const field = useRef<HTMLTextAreaElement>(null);
  const hintId = useId();
  useEffect(() => {
    const element = field.current;
    if (!takesFocus) return;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, [takesFocus]);
  const note = lengthNote(text);
  const write = (next: string) => {
    setText(next);
    draft.set(next);
  };
  const send = () => {
    if (!isSendable(text)) return;
    draft.clear();
    sendEdit(message.key, text);
  };
  const cancel = () => {
    draft.clear();
    edit(null);
  };
  return (
    <div className="mb-4 rounded-md border border-edge bg-surface p-2 focus-within:border-thread">
      <textarea
        ref={field}
        value={text}
        aria-label="Edit question"
        aria-describedby={hintId}
        dir="auto"
        onChange={(event) => write(event.currentTarget.value)}
        onKeyDown={(event) => {
          const act = editorAct(event.nativeEvent);
          if (act === null) return;
          event.preventDefault();
          event.stopPropagation();
          if (act === "send") send();
          else cancel();
        }}
        className="field-sizing-content max-h-composer min-h-12 w-full resize-none bg-transparent px-2 py-1 text-read outline-none"
      />
      <div className="flex flex-wrap items-center justify-end gap-2">
        <p id={hintId} className="mr-auto px-2 text-faint text-xs">
          {note?.text ?? "The answer to it will be a new one; the old version is kept."}
        </p>
        <Button size="sm" variant="quiet" onClick={cancel}>
          Cancel
        </Button>
        <Button size="sm" variant="primary" disabled={!isSendable(text)} onClick={send}>
          Send
        </Button>
      </div>
    </div>
  );
}
