import { describe, expect, it } from "vitest";
import { commandOf, isKept, type KeyPress, type Surroundings, shortcuts } from "./keymap.ts";

const quiet: Surroundings = { typing: false, covered: null, apple: false };

function press(keys: string, more: Partial<KeyPress> = {}): KeyPress {
  const parts = keys.split("+");
  return {
    key: parts.at(-1) ?? "",
    ctrlKey: parts.includes("Ctrl"),
    metaKey: parts.includes("Meta"),
    shiftKey: parts.includes("Shift"),
    altKey: parts.includes("Alt"),
    isComposing: false,
    keyCode: 0,
    repeat: false,
    ...more,
  };
}

describe("commandOf", () => {
  it("knows its shortcuts", () => {
    expect(commandOf(press("Ctrl+k"), quiet)).toBe("palette");
    expect(commandOf(press("Ctrl+Shift+O"), quiet)).toBe("new_chat");
    expect(commandOf(press("Ctrl+b"), quiet)).toBe("toggle_list");
    expect(commandOf(press("Shift+?"), quiet)).toBe("help");
    expect(commandOf(press("/"), quiet)).toBe("search");
  });

  it("takes a sign however the keyboard makes it", () => {
    expect(commandOf(press("Shift+/"), quiet)).toBe("search");
    expect(commandOf(press("?"), quiet)).toBe("help");
  });

  it("leaves letters, and undoing in a text, to whoever types", () => {
    const typing = { ...quiet, typing: true };
    expect(commandOf(press("?"), typing)).toBeUndefined();
    expect(commandOf(press("/"), typing)).toBeUndefined();
    expect(commandOf(press("Ctrl+z"), typing)).toBeUndefined();
    expect(commandOf(press("Ctrl+k"), typing)).toBe("palette");
  });

  it("fires nothing without Mod while typing", () => {
    for (const shortcut of shortcuts)
      expect(shortcut.whileTyping && !shortcut.keys.includes("Mod")).toBe(false);
  });

  it("keeps out of what an input method does, of held keys, and of what lies over the page", () => {
    expect(commandOf(press("Ctrl+k", { isComposing: true }), quiet)).toBeUndefined();
    expect(commandOf(press("Ctrl+k", { repeat: true }), quiet)).toBeUndefined();
    expect(commandOf(press("Ctrl+k"), { ...quiet, covered: "by_something" })).toBeUndefined();
  });

  it("leaves its keys to what it brought", () => {
    const covered = { ...quiet, typing: true, covered: "palette" } as const;
    expect(commandOf(press("Ctrl+k"), covered)).toBe("palette");
    expect(commandOf(press("Ctrl+b"), covered)).toBeUndefined();
  });

  it("keeps from the browser what does nothing just now, and nothing that has a meaning in a text", () => {
    expect(isKept(press("Ctrl+k", { repeat: true }), false)).toBe(true);
    expect(isKept(press("Ctrl+Shift+O"), false)).toBe(true);
    for (const keys of ["Ctrl+z", "/", "?", "k", "Ctrl+Alt+k"])
      expect(isKept(press(keys), false)).toBe(false);
    expect(isKept(press("Ctrl+k"), true)).toBe(false);
  });

  it("leaves other modifiers to the browser", () => {
    expect(commandOf(press("Ctrl+Alt+k"), quiet)).toBeUndefined();
    expect(commandOf(press("Ctrl+Meta+k"), quiet)).toBeUndefined();
    expect(commandOf(press("Meta+k"), quiet)).toBeUndefined();
    expect(commandOf(press("Ctrl+Shift+k"), quiet)).toBeUndefined();
    expect(commandOf(press("Ctrl+o"), quiet)).toBeUndefined();
    expect(commandOf(press("k"), quiet)).toBeUndefined();
  });

  it("uses Command on Apple's machines, where Ctrl+K edits text", () => {
    const apple = { ...quiet, apple: true };
    expect(commandOf(press("Meta+k"), apple)).toBe("palette");
    expect(commandOf(press("Ctrl+k"), apple)).toBeUndefined();
  });
});
