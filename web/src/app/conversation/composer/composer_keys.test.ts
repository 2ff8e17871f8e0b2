import { expect, test } from "vitest";
import { composerAct, editorAct } from "./composer_keys.ts";

const press = (key: string, more = {}) => ({
  key,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  isComposing: false,
  keyCode: 0,
  ...more,
});
const idle = { text: "Hello", running: false, canEditLast: true, touch: false };

test("Enter sends; with Shift it is a new line", () => {
  expect(composerAct(press("Enter"), idle)).toBe("send");
  expect(composerAct(press("Enter", { shiftKey: true }), idle)).toBeNull();
});

test("on a screen keyboard Enter is a new line, with Ctrl it sends", () => {
  const touch = { ...idle, touch: true };
  expect(composerAct(press("Enter"), touch)).toBeNull();
  expect(composerAct(press("Enter", { ctrlKey: true }), touch)).toBe("send");
});

test.each([{ isComposing: true }, { keyCode: 229 }])("keys of an input method are its own: %j", (says) => {
  for (const key of ["Enter", "Escape", "ArrowUp"]) {
    expect(composerAct(press(key, says), { ...idle, running: true })).toBeNull();
    expect(composerAct(press(key, says), { ...idle, text: "", running: true })).toBeNull();
    expect(editorAct(press(key, { ...says, ctrlKey: true }))).toBeNull();
  }
});

test("Escape stops only what runs", () => {
  expect(composerAct(press("Escape"), idle)).toBeNull();
  expect(composerAct(press("Escape"), { ...idle, running: true })).toBe("stop");
});

test("Up edits the last question only from an empty composer", () => {
  expect(composerAct(press("ArrowUp"), idle)).toBeNull();
  expect(composerAct(press("ArrowUp"), { ...idle, text: "" })).toBe("edit_last");
  expect(composerAct(press("ArrowUp"), { ...idle, text: "", canEditLast: false })).toBeNull();
  expect(composerAct(press("ArrowUp", { shiftKey: true }), { ...idle, text: "" })).toBeNull();
});

test("in the editor Ctrl+Enter sends, Escape cancels, Enter is a new line", () => {
  expect(editorAct(press("Enter"))).toBeNull();
  expect(editorAct(press("Enter", { ctrlKey: true }))).toBe("send");
  expect(editorAct(press("Enter", { metaKey: true }))).toBe("send");
  expect(editorAct(press("Escape"))).toBe("cancel");
});
