import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, test } from "vitest";
import { RenameField } from "./rename_field.tsx";

afterEach(cleanup);

function field(): { input: HTMLInputElement; done: (string | null)[] } {
  const done: (string | null)[] = [];
  render(<RenameField title="Trains" onDone={(title) => done.push(title)} />);
  return { input: screen.getByLabelText<HTMLInputElement>("Name of the chat"), done };
}

test("Enter keeps the name without spaces around it, once", async () => {
  const { input, done } = field();
  expect(document.activeElement).toBe(input);
  fireEvent.change(input, { target: { value: "  Boats " } });
  fireEvent.keyDown(input, { key: "Enter" });
  fireEvent.blur(input);
  expect(done).toEqual(["Boats"]);
});

test.each([
  ["Escape", "Boats"],
  ["Enter", "   "],
  ["Enter", "Trains"],
])("%s with %j changes nothing", (key, value) => {
  const { input, done } = field();
  fireEvent.change(input, { target: { value } });
  fireEvent.keyDown(input, { key });
  expect(done).toEqual([null]);
});

test("leaving keeps the name; an input method's Enter is its own", () => {
  const { input, done } = field();
  fireEvent.change(input, { target: { value: "船" } });
  fireEvent.keyDown(input, { key: "Enter", isComposing: true });
  expect(done).toEqual([]);
  fireEvent.blur(input);
  expect(done).toEqual(["船"]);
});

test("no more is taken than the engine takes", async () => {
  const { input } = field();
  const user = userEvent.setup();
  await user.clear(input);
  await user.paste("x".repeat(300));
  expect(input.value).toHaveLength(200);
});
