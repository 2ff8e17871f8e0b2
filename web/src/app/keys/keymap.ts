/**
 * The keyboard of the application in one table. Pure: what a key does is decided here, doing it is somebody else's. The help
 * sheet and the tooltips are drawn from the same table, so that they cannot disagree with it.
 */
import { isOfInputMethod } from "./input_method.ts";

export type Command = "palette" | "new_chat" | "search" | "help" | "toggle_list" | "undo";

export interface Shortcut {
  readonly command: Command;
  /** `Mod` is Ctrl, on Apple's machines Command. */
  readonly keys: string;
  readonly text: string;
  /** Also while a text is being written: only with `Mod`, so that no letter is ever swallowed. */
  readonly whileTyping: boolean;
}

export const shortcuts: readonly Shortcut[] = [
  { command: "palette", keys: "Mod+K", text: "Go to a chat, an action or a model", whileTyping: true },
  { command: "new_chat", keys: "Mod+Shift+O", text: "New chat", whileTyping: true },
  { command: "search", keys: "/", text: "Search all chats", whileTyping: false },
  { command: "toggle_list", keys: "Mod+B", text: "Show or hide the list of chats", whileTyping: true },
  { command: "undo", keys: "Mod+Z", text: "Bring back the chat just deleted", whileTyping: false },
  { command: "help", keys: "?", text: "All shortcuts", whileTyping: false },
];

/** Shortcuts that belong to one place: told in the help sheet, done where they belong. */
export const localShortcuts: readonly {
  readonly place: string;
  readonly keys: readonly (readonly [string, string])[];
}[] = [
  {
    place: "While writing",
    keys: [
      ["Enter", "Send"],
      ["Shift+Enter", "New line"],
      ["ArrowUp", "Edit your last message, when nothing is written"],
      ["Escape", "Stop the answer"],
    ],
  },
  {
    place: "In the list of chats",
    keys: [
      ["ArrowUp", "Previous chat"],
      ["ArrowDown", "Next chat"],
      ["Enter", "Open"],
      ["F2", "Rename"],
      ["Delete", "Delete; it can be undone for 30 s"],
    ],
  },
];

export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
  readonly isComposing: boolean;
  readonly keyCode: number;
  readonly repeat: boolean;
}

export interface Surroundings {
  /** The focus is where letters become text. */
  readonly typing: boolean;
  /**
   * What lies over the page has the keyboard, Escape included: what a command brought leaves to that command its keys, which
   * take it away again; anything else leaves none.
   */
  readonly covered: Command | "by_something" | null;
  /** On Apple's machines `Mod` is Command, so that Ctrl keeps its meaning in texts. */
  readonly apple: boolean;
}

/** The command of a key press; undefined when it has none here and now. */
export function commandOf(press: KeyPress, around: Surroundings): Command | undefined {
  if (press.repeat) return undefined;
  const found = shortcutOf(press, around.apple);
  if (found === undefined || (around.typing && !found.whileTyping)) return undefined;
  return around.covered === null || around.covered === found.command ? found.command : undefined;
}

/**
 * Whether a press is one of ours even where it does nothing (held, or while something else lies over the page): the browser
 * has a meaning of its own for such keys, its address bar for Ctrl+K, which nobody means here.
 */
export function isKept(press: KeyPress, apple: boolean): boolean {
  return shortcutOf(press, apple)?.whileTyping === true;
}

function shortcutOf(press: KeyPress, apple: boolean): Shortcut | undefined {
  if (isOfInputMethod(press) || press.altKey) return undefined;
  const mod = apple ? press.metaKey && !press.ctrlKey : press.ctrlKey && !press.metaKey;
  if (!mod && (press.ctrlKey || press.metaKey)) return undefined;
  return shortcuts.find((shortcut) => matches(shortcut.keys, press, mod));
}

function matches(keys: string, press: KeyPress, mod: boolean): boolean {
  const parts = keys.split("+");
  const key = parts.at(-1) ?? "";
  if (parts.includes("Mod") !== mod || press.key.toLowerCase() !== key.toLowerCase()) return false;
  // Signs such as ? and / are made with Shift on some keyboards and without it on others.
  return !/^[a-z]$/i.test(key) || parts.includes("Shift") === press.shiftKey;
}

/** The keys of a command, for tooltips. */
export function keysOfCommand(command: Command): string | undefined {
  return shortcuts.find((shortcut) => shortcut.command === command)?.keys;
}
