import type { MessageView } from "@throughline/client";
import { Button } from "../../../ui/button.tsx";
import { useThread } from "../thread_context.ts";
import { troubleOf } from "./error_texts.ts";
import { secondsLeft } from "./numbers.ts";
import { RegenerateMenu } from "./regenerate_menu.tsx";
import { useNow } from "./use_now.ts";

/** What is to be said of how an answer ended. Nothing of one that ended as it should. */
export function AnswerEnding({ message, last }: { message: MessageView; last: boolean }) {
  if (message.status === "error") return <Failed message={message} />;
  if (message.status === "cancelled")
    return (
      <p className="mt-1 text-faint text-sm">
        {message.content === "" ? "Stopped before the first word." : "Stopped. What was written is kept."}
      </p>
    );
  if (message.finishReason === "length") return <LimitReached last={last} />;
  return null;
}

function LimitReached({ last }: { last: boolean }) {
  const { send } = useThread();
  return (
    <div className="mt-1 flex flex-wrap items-center gap-2 text-faint text-sm">
      Reached the model's limit.
      {last && (
        <Button size="sm" onClick={() => send("Continue")}>
          Continue
        </Button>
      )}
    </div>
  );
}

function Failed({ message }: { message: MessageView }) {
  const { regenerate } = useThread();
  const trouble = troubleOf(message.error, message.content !== "");
  return (
    <div className="my-1 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-md bg-danger-wash px-3.5 py-2.5 text-sm">
      <p className="min-w-0 flex-1 basis-64">
        <span className="font-medium text-danger">{trouble.what}</span> {trouble.safe}
        {trouble.advice !== null && message.retry === null && (
          <span className="block text-soft">{trouble.advice}</span>
        )}
      </p>
      {message.retry !== null ? (
        <RetryCountdown messageKey={message.key} at={message.retry.at} />
      ) : trouble.action === "other_model" ? (
        <RegenerateMenu message={message} trigger={<Button size="sm">Choose a model</Button>} />
      ) : (
        <Button size="sm" onClick={() => regenerate(message.key)}>
          Try again
        </Button>
      )}
    </div>
  );
}

function RetryCountdown({ messageKey, at }: { messageKey: string; at: number }) {
  const { store } = useThread();
  const left = secondsLeft(at, useNow(1_000));
  return (
    <span className="inline-flex items-center gap-2">
      <span className="text-soft tabular-nums">{left > 0 ? `Tries again in ${left} s` : "Trying again"}</span>
      <Button size="sm" onClick={() => store.callOffRetry(messageKey)}>
        Don't
      </Button>
    </span>
  );
}
