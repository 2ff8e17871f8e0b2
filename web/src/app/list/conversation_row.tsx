import type { ConversationSummary } from "@throughline/client";
import { Clock, Ellipsis, Pencil, Pin, PinOff, Trash2 } from "lucide-react";
import { memo } from "react";
import { Link } from "wouter";
import { classNames } from "../../ui/class_names.ts";
import { Menu, MenuItem, MenuSeparator } from "../../ui/menu.tsx";
import { RenameField } from "./rename_field.tsx";

export interface RowActions {
  rename(id: string): void;
  finishRename(id: string, title: string | null): void;
  pin(item: ConversationSummary): void;
  remove(item: ConversationSummary): void;
}

export interface ConversationRowProps {
  item: ConversationSummary;
  current: boolean;
  /** The one of the list that Tab reaches; arrows go on from it. */
  tabbable: boolean;
  renaming: boolean;
  actions: RowActions;
}

const icon = "size-4";

/** One line of the list: a link to the conversation, what is going on in it, and what can be done with it. */
export const ConversationRow = memo(function ConversationRow({
  item,
  current,
  tabbable,
  renaming,
  actions,
}: ConversationRowProps) {
  if (renaming)
    return <RenameField title={item.title} onDone={(title) => actions.finishRename(item.id, title)} />;
  return (
    <div
      className={classNames(
        "group relative mx-2 flex items-center rounded-md",
        current ? "bg-active" : "focus-within:bg-hover hover:bg-hover",
      )}
    >
      <Link
        href={`/c/${item.id}`}
        data-conversation={item.id}
        aria-current={current ? "page" : undefined}
        tabIndex={tabbable ? 0 : -1}
        className={classNames(
          "flex min-h-11 min-w-0 flex-1 items-center gap-2 rounded-md pr-10 pl-3 md:min-h-9",
          current || item.unread > 0 ? "text-ink" : "text-soft",
          item.unread > 0 && "font-medium",
        )}
      >
        <span dir="auto" className="min-w-0 flex-1 truncate">
          {item.title === "" ? "New chat" : item.title}
        </span>
        <RowState item={item} />
      </Link>
      <div className="absolute right-1 opacity-0 focus-within:opacity-100 group-hover:opacity-100 has-data-popup-open:opacity-100 pointer-coarse:opacity-100">
        <Menu
          align="end"
          trigger={
            <button
              type="button"
              tabIndex={tabbable ? 0 : -1}
              aria-label={`More about ${item.title}`}
              className="inline-flex size-7 cursor-pointer items-center justify-center rounded-md text-soft hover:text-ink"
            >
              <Ellipsis className={icon} aria-hidden="true" />
            </button>
          }
        >
          <MenuItem
            icon={
              item.pinned ? (
                <PinOff className={icon} aria-hidden="true" />
              ) : (
                <Pin className={icon} aria-hidden="true" />
              )
            }
            onSelect={() => actions.pin(item)}
          >
            {item.pinned ? "Unpin" : "Pin"}
          </MenuItem>
          <MenuItem
            icon={<Pencil className={icon} aria-hidden="true" />}
            keys="F2"
            onSelect={() => actions.rename(item.id)}
          >
            Rename
          </MenuItem>
          <MenuSeparator />
          <MenuItem
            icon={<Trash2 className={icon} aria-hidden="true" />}
            keys="Delete"
            danger
            onSelect={() => actions.remove(item)}
          >
            Delete
          </MenuItem>
        </Menu>
      </div>
    </div>
  );
});

/** An answer being written comes before what is unread: it will be that in a moment. */
function RowState({ item }: { item: ConversationSummary }) {
  if (item.running)
    return (
      <span className="inline-flex size-4 shrink-0 items-center justify-center">
        <span className="size-2 animate-breathe rounded-full bg-thread" />
        <span className="sr-only">, an answer is being written</span>
      </span>
    );
  if (item.unread > 0)
    return (
      <span className="inline-flex min-w-5 shrink-0 items-center justify-center rounded-full bg-thread px-1.5 font-medium text-on-thread text-xs">
        <span aria-hidden="true">{item.unread > 99 ? "99+" : item.unread}</span>
        <span className="sr-only">
          , {item.unread} {item.unread === 1 ? "new answer" : "new answers"}
        </span>
      </span>
    );
  if (item.id.startsWith("new-"))
    return (
      <span className="inline-flex shrink-0 text-faint">
        <Clock className="size-3.5" aria-hidden="true" />
        <span className="sr-only">, waits to be sent</span>
      </span>
    );
  return null;
}
