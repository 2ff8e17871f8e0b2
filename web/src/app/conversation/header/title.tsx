import { useRef, useState } from "react";
import { whenFocusIsLost } from "../../../ui/lost_focus.ts";
import { RenameField } from "../../list/rename_field.tsx";

/** The name of the chat; a press changes it. */
export function Title({ title, onRename }: { title: string; onRename: (title: string) => void }) {
  const [editing, setEditing] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  if (editing)
    return (
      <div className="min-w-0 flex-1">
        <RenameField
          title={title}
          onDone={(next) => {
            setEditing(false);
            whenFocusIsLost(() => button.current?.focus());
            if (next !== null) onRename(next);
          }}
        />
      </div>
    );
  return (
    <h1 className="flex min-w-0 flex-1 text-base">
      <button
        ref={button}
        type="button"
        title="Rename"
        onClick={() => setEditing(true)}
        dir="auto"
        className="min-h-9 min-w-0 cursor-text truncate rounded-md px-2 font-medium hover:bg-hover"
      >
        {title === "" ? "Untitled" : title}
      </button>
    </h1>
  );
}
