import type { ConversationStore, ConversationView } from "@throughline/client";
import { Ellipsis, FileJson, FileText, Pin, PinOff, ScrollText, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useConversations, useThroughline } from "../../../react/throughline.tsx";
import { IconButton } from "../../../ui/icon_button.tsx";
import { Menu, MenuItem, MenuSeparator } from "../../../ui/menu.tsx";
import { showToast } from "../../../ui/toast_store.ts";
import { pinConversation, removeConversation, renameConversation } from "../../list/conversation_actions.ts";
import { saveFile } from "../../settings/save_file.ts";
import { tellOutcome } from "../tell_outcome.ts";
import { SystemPrompting } from "./system_prompting.tsx";
import { Title } from "./title.tsx";

export interface ConversationHeaderProps {
  store: ConversationStore;
  view: ConversationView;
  leading: ReactNode;
  onRemoved: () => void;
  onBack: () => void;
}

export function ConversationHeader({ store, view, leading, onRemoved, onBack }: ConversationHeaderProps) {
  const client = useThroughline();
  const [prompting, setPrompting] = useState(false);
  return (
    <header className="flex min-h-12 shrink-0 items-center gap-1 border-line border-b px-2 pt-safe">
      {leading}
      <Title title={view.title} onRename={(title) => void renameConversation(client, view.id, title)} />
      {view.runningKey !== null && (
        <span className="inline-flex shrink-0 items-center gap-1.5 px-1 text-faint text-sm">
          <span aria-hidden="true" className="size-2 animate-breathe rounded-full bg-thread" />
          Writing
        </span>
      )}
      <HeaderMenu
        store={store}
        view={view}
        onPrompt={() => setPrompting(true)}
        onRemove={() => {
          removeConversation(client, view, onBack);
          onRemoved();
        }}
      />
      {prompting && (
        <SystemPrompting
          prompt={view.systemPrompt}
          onClose={() => setPrompting(false)}
          onSave={async (prompt) =>
            tellOutcome("The system prompt was not saved", await store.setSystemPrompt(prompt))
          }
        />
      )}
    </header>
  );
}

interface HeaderMenuProps {
  store: ConversationStore;
  view: ConversationView;
  onPrompt: () => void;
  onRemove: () => void;
}

function HeaderMenu({ store, view, onPrompt, onRemove }: HeaderMenuProps) {
  const client = useThroughline();
  const { items } = useConversations();
  const pinned = items.find((item) => item.id === view.id)?.pinned === true;
  const icon = "size-4";
  return (
    <Menu
      align="end"
      trigger={
        <IconButton label="More about this chat">
          <Ellipsis className={icon} aria-hidden="true" />
        </IconButton>
      }
    >
      <MenuItem icon={<ScrollText className={icon} />} onSelect={onPrompt}>
        System prompt{view.systemPrompt !== null && <span className="text-faint"> (set)</span>}
      </MenuItem>
      <MenuItem
        icon={pinned ? <PinOff className={icon} /> : <Pin className={icon} />}
        onSelect={() => void pinConversation(client, view.id, !pinned)}
      >
        {pinned ? "Unpin" : "Pin"}
      </MenuItem>
      <MenuSeparator />
      <MenuItem icon={<FileText className={icon} />} onSelect={() => void save(store, "markdown")}>
        Export as Markdown
      </MenuItem>
      <MenuItem icon={<FileJson className={icon} />} onSelect={() => void save(store, "json")}>
        Export as JSON
      </MenuItem>
      <MenuSeparator />
      <MenuItem icon={<Trash2 className={icon} />} danger onSelect={onRemove}>
        Delete
      </MenuItem>
    </Menu>
  );
}

async function save(store: ConversationStore, format: "markdown" | "json"): Promise<void> {
  try {
    const { name, text } = await store.exportAs(format);
    saveFile(new Blob([text], { type: format === "json" ? "application/json" : "text/markdown" }), name);
  } catch {
    showToast({ text: "The chat could not be exported just now.", tone: "problem" });
  }
}
