import { PanelLeft } from "lucide-react";
import type { ReactNode, RefObject } from "react";
import { useActivity } from "../../react/throughline.tsx";
import { IconButton } from "../../ui/icon_button.tsx";
import { keysOfCommand } from "../keys/keymap.ts";

/** The way to the list where it is not seen, with a sign when something in it is new. */
export function ShowListButton({
  button,
  onShowList,
}: {
  button: RefObject<HTMLButtonElement | null>;
  onShowList: () => void;
}) {
  const { unreadTotal } = useActivity();
  const label = unreadTotal === 0 ? "Show the list of chats" : `Show the list of chats, ${unreadTotal} new`;
  return (
    <span className="relative inline-flex">
      <IconButton ref={button} label={label} keys={keysOfCommand("toggle_list")} onClick={onShowList}>
        <PanelLeft className="size-4.5" aria-hidden="true" />
      </IconButton>
      {unreadTotal > 0 && (
        <span
          aria-hidden="true"
          className="pointer-events-none absolute top-1.5 right-1.5 size-2 rounded-full bg-thread"
        />
      )}
    </span>
  );
}

/** A page without a header of its own: what leads stands above it. */
export function WithLeading({ leading, children }: { leading: ReactNode; children: ReactNode }) {
  return (
    <div className="flex h-full flex-col">
      {leading !== null && <div className="shrink-0 px-2 pt-1.5">{leading}</div>}
      <div className="min-h-0 flex-1">{children}</div>
    </div>
  );
}
