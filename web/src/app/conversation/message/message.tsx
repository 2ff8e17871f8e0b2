import { memo, useId } from "react";
import { useMessage } from "../../../react/throughline.tsx";
import { useThread } from "../thread_context.ts";
import { Answer } from "./answer.tsx";
import { Question } from "./question.tsx";

export interface MessageProps {
  messageKey: string;
  first: boolean;
  last: boolean;
  editing: boolean;
  /** Height it has at least, in pixels: room for an answer that is still short, so that nothing moves while it grows. */
  reserve: number;
}

/** One message. Drawn again when that message changes, and for no other. */
export const Message = memo(function Message({ messageKey, first, last, editing, reserve }: MessageProps) {
  const { store } = useThread();
  const message = useMessage(store, messageKey);
  const headingId = useId();
  if (message === undefined) return null;
  return (
    <article
      aria-labelledby={headingId}
      aria-busy={message.live}
      data-key={message.key}
      data-message-id={message.id ?? undefined}
      data-role={message.role}
      data-status={message.status}
      className="group/message"
      style={reserve > 0 ? { minHeight: reserve } : undefined}
    >
      <h2 id={headingId} className="sr-only">
        {message.role === "user"
          ? "You"
          : message.role === "system"
            ? "Instruction"
            : (message.model ?? "Answer")}
      </h2>
      {message.role === "assistant" ? (
        <Answer message={message} last={last} />
      ) : (
        <Question message={message} first={first} editing={editing} />
      )}
    </article>
  );
});
