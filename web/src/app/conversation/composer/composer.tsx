import { ArrowUp, Square } from "lucide-react";
import { type RefObject, useEffect, useId, useImperativeHandle, useRef, useState } from "react";
import { useConnection, useThroughline } from "../../../react/throughline.tsx";
import { IconButton } from "../../../ui/icon_button.tsx";
import { useMedia } from "../../layout/use_media.ts";
import { composerAct } from "./composer_keys.ts";
import { ModelPicker } from "./model_picker.tsx";
import { isSendable, lengthNote } from "./size_limit.ts";

export interface ComposerHandle {
  focus(): void;
  /** Shows the draft as it is kept, after somebody else changed it. */
  reload(): void;
}

export interface ComposerProps {
  handle?: RefObject<ComposerHandle | null> | undefined;
  /** Whose draft it is; `null` is that of a new chat. */
  conversationId: string | null;
  model: string | null;
  onModel: (model: string | null) => void;
  onSend: (content: string) => void;
  /** An answer runs: it can be stopped. Sending is allowed all the same; the answer waits for its turn. */
  running: boolean;
  onStop?: (() => void) | undefined;
  /** Opens the editor of the last question; undefined when there is none. */
  onEditLast?: (() => void) | undefined;
}

/** Where a message is written. It can always be written and sent, offline too: then it is kept and sent later. */
export function Composer(props: ComposerProps) {
  const { handle, conversationId, model, onModel, onSend, running, onStop, onEditLast } = props;
  const client = useThroughline();
  const { state } = useConnection();
  const touch = useMedia("(pointer: coarse) and (hover: none)");
  const [text, setText] = useState(() => client.drafts.get(conversationId));
  const field = useRef<HTMLTextAreaElement>(null);
  const noteId = useId();
  const length = lengthNote(text);
  const away = state.kind === "offline" ? "Will be sent when the network is back." : null;
  const note = length?.text ?? away;
  const sendable = isSendable(text);

  const write = (next: string) => {
    setText(next);
    client.drafts.set(conversationId, next);
  };
  useImperativeHandle(
    handle,
    () => ({
      focus: () => field.current?.focus(),
      reload: () => setText(client.drafts.get(conversationId)),
    }),
    [client, conversationId],
  );
  useEffect(() => {
    // A screen keyboard that comes up unasked hides half of what is to be read.
    if (!touch) field.current?.focus({ preventScroll: true });
  }, [touch]);

  const send = () => {
    if (!sendable) return;
    write("");
    onSend(text);
    field.current?.focus({ preventScroll: true });
  };
  const stop = () => {
    onStop?.();
    field.current?.focus({ preventScroll: true });
  };
  return (
    <form
      aria-label="Write a message"
      className="mx-auto w-full max-w-read px-3 pt-1 pb-safe"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="rounded-lg border border-edge bg-surface shadow-float focus-within:border-thread">
        <textarea
          ref={field}
          value={text}
          rows={1}
          dir="auto"
          aria-label="Message"
          aria-describedby={noteId}
          placeholder={running ? "Write on; it waits its turn" : "Ask anything"}
          enterKeyHint={touch ? "enter" : "send"}
          onChange={(event) => write(event.currentTarget.value)}
          onKeyDown={(event) => {
            const canEditLast = onEditLast !== undefined;
            const act = composerAct(event.nativeEvent, { text, running, canEditLast, touch });
            if (act === null) return;
            event.preventDefault();
            if (act === "send") send();
            else if (act === "stop") stop();
            else onEditLast?.();
          }}
          className="field-sizing-content block max-h-composer min-h-12 w-full resize-none overflow-y-auto bg-transparent px-4 pt-3 pb-1 text-read placeholder:text-faint focus-visible:outline-none"
        />
        <div className="flex items-center gap-2 p-1.5">
          <ModelPicker model={model} onChoose={onModel} />
          <p
            id={noteId}
            className={`min-w-0 flex-1 text-right text-xs ${length?.tooLong === true ? "text-danger" : "text-faint"}`}
          >
            {note}
          </p>
          {running && onStop !== undefined && (
            <IconButton label="Stop" keys="Escape" onClick={stop} className="border border-edge">
              <Square className="size-3.5 fill-current" aria-hidden="true" />
            </IconButton>
          )}
          <IconButton
            type="submit"
            label="Send"
            keys="Enter"
            variant={sendable ? "primary" : "quiet"}
            aria-disabled={!sendable || undefined}
          >
            <ArrowUp className="size-4.5" aria-hidden="true" />
          </IconButton>
        </div>
      </div>
    </form>
  );
}
