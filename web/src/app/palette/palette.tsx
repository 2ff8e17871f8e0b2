import { Dialog as Base } from "@base-ui/react/dialog";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { classNames } from "../../ui/class_names.ts";
import { Kbd } from "../../ui/kbd.tsx";
import { isOfInputMethod } from "../keys/input_method.ts";
import { type PaletteEntry, paletteEntries } from "./palette_entries.ts";

/** Everything by typing: a field and what it finds. The focus stays in the field; arrows choose, Enter does. */
export function Palette({
  entries,
  onSearch,
  onClose,
}: {
  entries: readonly PaletteEntry[];
  /** Looks for what was typed in all texts. */
  onSearch: (query: string) => void;
  onClose: () => void;
}) {
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState(0);
  const listId = useId();
  const list = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => {
    const found = paletteEntries(entries, query);
    const words = query.trim();
    if (words === "") return found;
    const search: PaletteEntry = {
      key: "search",
      group: "Actions",
      text: `Search all chats for “${words}”`,
      run: () => onSearch(words),
    };
    return [...found, search];
  }, [entries, query, onSearch]);
  const index = Math.min(chosen, shown.length - 1);
  const optionId = (position: number) => `${listId}-${position}`;

  useEffect(() => {
    list.current?.querySelector(`[data-position="${index}"]`)?.scrollIntoView({ block: "nearest" });
  }, [index]);

  const run = (entry: PaletteEntry | undefined) => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isOfInputMethod(event.nativeEvent)) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) setChosen((index + step + shown.length) % shown.length);
    else if (event.key === "Enter") run(shown[index]);
    else return;
    event.preventDefault();
  };

  return (
    <Base.Root open onOpenChange={(open) => !open && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-scrim" />
        <Base.Viewport className="fixed inset-0 z-40 flex items-start justify-center p-3 md:pt-24">
          <Base.Popup
            aria-label="Go to a chat, an action or a model"
            data-command="palette"
            className="flex max-h-full w-full max-w-dialog flex-col overflow-hidden rounded-lg border border-line bg-surface text-ink shadow-float outline-none md:max-h-112"
          >
            <input
              role="combobox"
              aria-label="Go to a chat, an action or a model"
              aria-expanded="true"
              aria-controls={listId}
              aria-activedescendant={shown.length === 0 ? undefined : optionId(index)}
              aria-autocomplete="list"
              autoComplete="off"
              placeholder="Go to…"
              value={query}
              onChange={(event) => {
                setQuery(event.currentTarget.value);
                setChosen(0);
              }}
              onKeyDown={onKeyDown}
              className="min-h-13 shrink-0 border-line border-b bg-transparent px-5 text-lg outline-none placeholder:text-faint"
            />
            <div
              ref={list}
              id={listId}
              role="listbox"
              aria-label="Found"
              className="min-h-0 overflow-y-auto p-2"
            >
              {shown.map((entry, position) => (
                <Option
                  key={entry.key}
                  id={optionId(position)}
                  position={position}
                  entry={entry}
                  heading={entry.group === shown[position - 1]?.group ? undefined : entry.group}
                  chosen={position === index}
                  onChoose={() => setChosen(position)}
                  onRun={() => run(entry)}
                />
              ))}
            </div>
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

interface OptionProps {
  id: string;
  position: number;
  entry: PaletteEntry;
  heading: string | undefined;
  chosen: boolean;
  onChoose: () => void;
  onRun: () => void;
}

function Option({ id, position, entry, heading, chosen, onChoose, onRun }: OptionProps) {
  return (
    <>
      {heading !== undefined && (
        <div aria-hidden="true" className="px-3 pt-2 pb-1 text-faint text-xs">
          {heading}
        </div>
      )}
      {/* The keyboard is the field's: aria-activedescendant says where it is. */}
      <button
        type="button"
        id={id}
        role="option"
        tabIndex={-1}
        aria-selected={chosen}
        data-position={position}
        onPointerMove={onChoose}
        onClick={onRun}
        className={classNames(
          "flex min-h-10 w-full cursor-pointer text-left items-center gap-3 rounded-md px-3",
          chosen && "bg-hover",
        )}
      >
        <span dir="auto" className="min-w-0 flex-1 truncate">
          {entry.text}
        </span>
        {entry.detail !== undefined && <span className="shrink-0 text-faint text-sm">{entry.detail}</span>}
        {entry.keys !== undefined && <Kbd keys={entry.keys} />}
      </button>
    </>
  );
}
