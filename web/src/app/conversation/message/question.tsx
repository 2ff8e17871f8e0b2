import type { MessageView } from "@throughline/client";
import { useEffect, useState } from "react";
import { Button } from "../../../ui/button.tsx";
import { Spinner } from "../../../ui/spinner.tsx";
import { useThread } from "../thread_context.ts";
import { useEditDraft } from "./edit_draft.ts";
import { refusalOf } from "./error_texts.ts";
import { QuestionActions } from "./question_actions.tsx";
import { QuestionEditor } from "./question_editor.tsx";
import { sendingText } from "./status_texts.ts";
import { ThreadKnot } from "./thread_line.tsx";

/** What a person wrote: set as an inset, tied to the thread with a knot. */
export function Question({
  message,
  first,
  editing,
}: {
  message: MessageView;
  first: boolean;
  editing: boolean;
}) {
  const { reopen } = useThread();
  const draft = useEditDraft(message);
  // What was being written here when the page was left is shown again, once: after that it is opened by hand.
  const [leftOpen, setLeftOpen] = useState(draft.exists);
  const { key } = message;
  useEffect(() => {
    if (leftOpen && !reopen(key)) setLeftOpen(false);
  }, [leftOpen, reopen, key]);
  useEffect(() => {
    if (editing) return () => setLeftOpen(false);
    return;
  }, [editing]);
  return (
    <div className="relative pt-2 pl-thread-gutter">
      <ThreadKnot first={first} />
      {editing ? (
        <QuestionEditor message={message} draft={draft} takesFocus={!leftOpen} />
      ) : (
        <>
          <div
            dir="auto"
            data-text=""
            className="w-fit max-w-full whitespace-pre-wrap break-words rounded-md bg-question px-3.5 py-2 text-read"
          >
            {message.content}
          </div>
          <QuestionStatus message={message} />
          <QuestionActions message={message} />
        </>
      )}
    </div>
  );
}

function QuestionStatus({ message }: { message: MessageView }) {
  const { store, discard } = useThread();
  if (message.status === "unsent")
    return (
      <div className="mt-2 flex flex-wrap items-center gap-2 rounded-md bg-danger-wash px-3.5 py-2 text-sm">
        <p className="min-w-0 flex-1 basis-60 text-ink">
          <span className="font-medium text-danger">Not sent.</span> {refusalOf(message.problem)} It is kept
          here.
        </p>
        <Button size="sm" variant="quiet" onClick={() => discard(message.key)}>
          Back to the draft
        </Button>
        <Button size="sm" onClick={() => store.resend(message.key)}>
          Send again
        </Button>
      </div>
    );
  const text = sendingText(message);
  if (text === null) return null;
  return (
    <p className="mt-1 flex items-center gap-1.5 text-faint text-xs">
      {message.status === "sending" && <Spinner className="size-3" />}
      {text}
    </p>
  );
}
