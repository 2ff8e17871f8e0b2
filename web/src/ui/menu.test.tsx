import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, expect, test } from "vitest";
import { Menu, MenuItem } from "./menu.tsx";

// The popup comes in a part of its own, which takes its time where it is built as it is asked for.
beforeAll(() => import("./menu_popup.tsx"));
afterEach(cleanup);

function menu(): { trigger: HTMLElement; chosen: string[] } {
  const chosen: string[] = [];
  render(
    <Menu trigger={<button type="button">More</button>}>
      <MenuItem onSelect={() => chosen.push("first")}>First</MenuItem>
      <MenuItem onSelect={() => chosen.push("second")}>Second</MenuItem>
    </Menu>,
  );
  return { trigger: screen.getByRole("button", { name: "More" }), chosen };
}
const gone = () => waitFor(() => expect(screen.queryByRole("menu")).toBeNull());

test("opened by a key it has the focus on its first item, and gives it back", async () => {
  const { trigger, chosen } = menu();
  trigger.focus();
  fireEvent.click(trigger, { detail: 0 });
  const popup = await screen.findByRole("menu", { name: "More" });
  expect(trigger.getAttribute("aria-controls")).toBe(popup.id);
  await waitFor(() => expect(document.activeElement?.textContent).toBe("First"));
  fireEvent.keyDown(document.activeElement ?? popup, { key: "Escape" });
  await gone();
  await waitFor(() => expect(document.activeElement).toBe(trigger));
  expect(trigger.getAttribute("aria-expanded")).toBe("false");
  expect(chosen).toEqual([]);
});

test("an arrow opens it too, choosing closes it", async () => {
  const { trigger, chosen } = menu();
  fireEvent.keyDown(trigger, { key: "ArrowDown" });
  fireEvent.click(await screen.findByRole("menuitem", { name: "Second" }));
  await gone();
  expect(chosen).toEqual(["second"]);
});

test("a second press on its button closes it", async () => {
  const { trigger } = menu();
  fireEvent.click(trigger, { detail: 1 });
  await screen.findByRole("menu");
  fireEvent.pointerDown(trigger);
  fireEvent.mouseDown(trigger);
  fireEvent.click(trigger, { detail: 1 });
  await gone();
});
