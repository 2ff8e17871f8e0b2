import type { MessageView } from "@throughline/client";
import { useState } from "react";
import { AnswerActions } from "./answer_actions.tsx";
import { AnswerEnding } from "./answer_ending.tsx";
import { AnswerText } from "./answer_text.tsx";
import { restartText } from "./error_texts.ts";
import { Reasoning } from "./reasoning.tsx";
import { SourceView } from "./source_view.tsx";
import { waitingText } from "./status_texts.ts";
import { ThreadBreak, ThreadEnd, type ThreadEndKind, ThreadThrough } from "./thread_line.tsx";

/** What a model wrote: the reading text, with the thread beside it. */
export function Answer({ message, last }: { message: MessageView; last: boolean }) {
  const [showsSource, setShowsSource] = useState(false);
  const end = threadEndOf(message, last);
  const waiting = waitingText(message);
  return (
    <>
      <div className="relative pb-1 pl-thread-gutter">
        {end === null ? <ThreadThrough /> : <ThreadEnd kind={end} />}
        {message.restart !== null && (
          <p className="relative mb-2 flex min-h-7 items-center text-faint text-sm">
            <span aria-hidden="true" className="absolute inset-y-0 -left-thread-gutter w-thread-gutter">
              <ThreadBreak />
            </span>
            {restartText(message.restart)}
          </p>
        )}
        <Reasoning message={message} />
        {waiting !== null && <p className="text-faint text-read">{waiting}</p>}
        {message.content !== "" && (
          <div data-text="" className="text-read">
            {showsSource ? (
              <SourceView text={message.content} />
            ) : (
              <AnswerText text={message.content} streaming={message.live} />
            )}
          </div>
        )}
        <AnswerEnding message={message} last={last} />
      </div>
      <div className="relative pb-4 pl-thread-gutter">
        {end === null && <ThreadThrough />}
        <AnswerActions
          message={message}
          last={last}
          showsSource={showsSource}
          onShowSource={setShowsSource}
        />
      </div>
    </>
  );
}

/** How the thread ends here; null: it goes on. */
function threadEndOf(message: MessageView, last: boolean): ThreadEndKind | null {
  if (message.live) return message.status === "queued" ? (last ? "waiting" : null) : "live";
  if (message.status === "cancelled") return "stopped";
  if (message.status === "error") return "broken";
  return last ? "rested" : null;
}
