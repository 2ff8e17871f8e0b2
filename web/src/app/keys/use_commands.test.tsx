import { act, cleanup, createEvent, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test } from "vitest";
import { Palette } from "../palette/palette.tsx";
import { useCommands } from "./use_commands.ts";

afterEach(cleanup);

function Page() {
  const [shown, setShown] = useState(false);
  const nothing = () => undefined;
  useCommands({
    palette: () => setShown((was) => !was),
    new_chat: nothing,
    search: nothing,
    help: nothing,
    toggle_list: nothing,
    undo: () => false,
  });
  return shown ? <Palette entries={[]} onSearch={nothing} onClose={() => setShown(false)} /> : null;
}

/** Whether the browser got the key. */
function press(init: KeyboardEventInit): boolean {
  const event = createEvent.keyDown(document.activeElement ?? document.body, init);
  act(() => void fireEvent(document.activeElement ?? document.body, event));
  return !event.defaultPrevented;
}

test("Ctrl+K shows the palette and takes it away, and never reaches the browser", async () => {
  render(<Page />);
  const k = { key: "k", ctrlKey: true };
  expect(press(k)).toBe(false);
  expect(screen.queryByRole("dialog")).toBeTruthy();
  expect(press({ ...k, repeat: true })).toBe(false);
  expect(screen.queryByRole("dialog")).toBeTruthy();
  expect(press(k)).toBe(false);
  expect(screen.queryByRole("dialog")).toBeNull();
});

test("a key that did nothing keeps its meaning", () => {
  render(<Page />);
  expect(press({ key: "z", ctrlKey: true })).toBe(true);
});
