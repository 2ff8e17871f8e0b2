import { useEffect, useRef } from "react";
import { isOfInputMethod } from "../keys/input_method.ts";

const titleMax = 200;

/** The name of a conversation while it is changed. Enter and leaving keep it, Escape does not; an empty one neither. */
export function RenameField({ title, onDone }: { title: string; onDone: (title: string | null) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const ended = useRef(false);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const finish = (value: string | null) => {
    if (ended.current) return;
    ended.current = true;
    const name = value?.trim() ?? "";
    onDone(name === "" || name === title ? null : name);
  };
  return (
    <div className="mx-2">
      <input
        ref={field}
        aria-label="Name of the chat"
        dir="auto"
        defaultValue={title}
        maxLength={titleMax}
        onBlur={(event) => finish(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (isOfInputMethod(event.nativeEvent)) return;
          event.stopPropagation();
          if (event.key === "Enter") finish(event.currentTarget.value);
          if (event.key === "Escape") finish(null);
        }}
        className="min-h-11 w-full rounded-md border border-thread bg-surface px-3 text-ink focus-visible:outline-none md:min-h-9"
      />
    </div>
  );
}
