import { PanelLeft, SquarePen } from "lucide-react";
import { IconButton } from "../../ui/icon_button.tsx";
import { useClient, useReadable } from "../client.tsx";
import { keysOfCommand } from "../keys/keymap.ts";

/** Where the list is not seen: the way to it, with a sign when something in it is new, and to a new chat. */
export function TopBar({ onShowList, onNewChat }: { onShowList: () => void; onNewChat: () => void }) {
  const { unreadTotal } = useReadable(useClient().activity);
  const label = unreadTotal === 0 ? "Show the list of chats" : `Show the list of chats, ${unreadTotal} new`;
  return (
    <header className="flex shrink-0 items-center justify-between px-2 pt-1.5">
      <span className="relative inline-flex">
        <IconButton label={label} keys={keysOfCommand("toggle_list")} onClick={onShowList}>
          <PanelLeft className="size-4.5" aria-hidden="true" />
        </IconButton>
        {unreadTotal > 0 && (
          <span
            aria-hidden="true"
            className="pointer-events-none absolute top-1.5 right-1.5 size-2 rounded-full bg-thread"
          />
        )}
      </span>
      <IconButton label="New chat" keys={keysOfCommand("new_chat")} onClick={onNewChat}>
        <SquarePen className="size-4.5" aria-hidden="true" />
      </IconButton>
    </header>
  );
}
