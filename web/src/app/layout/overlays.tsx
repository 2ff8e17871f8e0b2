import { useMemo } from "react";
import { useLocation } from "wouter";
import { useConversations, useReadable, useThroughline } from "../../react/throughline.tsx";
import { showToast } from "../../ui/toast_store.ts";
import { ConnectionPanel } from "../connection/connection_panel.tsx";
import { HelpSheet } from "../keys/help_sheet.tsx";
import { keysOfCommand } from "../keys/keymap.ts";
import { Palette } from "../palette/palette.tsx";
import type { PaletteEntry } from "../palette/palette_entries.ts";
import { chooseTheme } from "../settings/theme.ts";
import { conversationOf } from "./pages.tsx";
import type { Overlay } from "./shell.tsx";

export interface OverlaysProps {
  overlay: Overlay;
  onClose: () => void;
  onShow: (overlay: Overlay) => void;
  onNewChat: () => void;
  onSearch: (query: string) => void;
}

/** What lies over the page: loaded when it is first asked for. */
export function Overlays(props: OverlaysProps) {
  switch (props.overlay) {
    case "palette":
      return <FilledPalette {...props} />;
    case "help":
      return <HelpSheet onClose={props.onClose} />;
    case "connection":
      return <ConnectionPanel onClose={props.onClose} />;
  }
}

function FilledPalette({ onClose, onShow, onNewChat, onSearch }: OverlaysProps) {
  const client = useThroughline();
  const [path, navigate] = useLocation();
  const { items } = useConversations();
  const models = useReadable(client.models);
  const openId = conversationOf(path);
  const entries = useMemo<readonly PaletteEntry[]>(() => {
    const action = (
      key: string,
      text: string,
      run: () => void,
      more: Partial<PaletteEntry> = {},
    ): PaletteEntry => ({
      key: `action:${key}`,
      group: "Actions",
      text,
      run,
      ...more,
    });
    const setModel = async (id: string, model: string) => {
      const outcome = await client.conversation(id).setModel(model);
      if (outcome.ok) showToast({ text: `This chat now asks ${model}` });
      else showToast({ text: `The model stays as it was: ${outcome.problem.detail}`, tone: "problem" });
    };
    return [
      action("new", "New chat", onNewChat, { keys: keysOfCommand("new_chat") }),
      action("settings", "Settings", () => navigate("/settings"), {
        also: "preferences options data export",
      }),
      action("connection", "About this connection", () => onShow("connection"), {
        also: "status offline network",
      }),
      action("help", "All shortcuts", () => onShow("help"), {
        keys: keysOfCommand("help"),
        also: "keyboard help",
      }),
      action("light", "Light theme", () => chooseTheme("light"), { also: "appearance day" }),
      action("dark", "Dark theme", () => chooseTheme("dark"), { also: "appearance night" }),
      action("system", "Theme of the system", () => chooseTheme("system"), { also: "appearance automatic" }),
      ...items.map(
        (item): PaletteEntry => ({
          key: `chat:${item.id}`,
          group: "Chats",
          text: item.title === "" ? "New chat" : item.title,
          detail: item.running ? "writing" : item.unread > 0 ? `${item.unread} new` : undefined,
          run: () => navigate(`/c/${item.id}`),
        }),
      ),
      ...(openId === null
        ? []
        : models.map(
            (model): PaletteEntry => ({
              key: `model:${model.id}`,
              group: "Models",
              text: `Ask ${model.id} in this chat`,
              also: `${model.id} ${model.provider} model`,
              detail: model.provider,
              run: () => void setModel(openId, model.id),
            }),
          )),
    ];
  }, [client, items, models, openId, navigate, onNewChat, onShow]);
  return <Palette entries={entries} onSearch={onSearch} onClose={onClose} />;
}
