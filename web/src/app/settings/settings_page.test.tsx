import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ThroughlineProvider } from "../../react/throughline.tsx";
import { createFixture, type Fixture } from "../../testing/fixture.ts";
import { closeToast, toastList } from "../../ui/toast_store.ts";
import { SettingsPage } from "./settings_page.tsx";

beforeEach(() => localStorage.clear());
afterEach(() => {
  cleanup();
  for (const toast of toastList.get()) closeToast(toast.id);
});

function open(arrange: (client: Fixture) => void = () => {}): Fixture {
  const client = createFixture();
  arrange(client);
  render(
    <ThroughlineProvider client={client}>
      <SettingsPage />
    </ThroughlineProvider>,
  );
  return client;
}
const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const texts = () => toastList.get().map((toast) => toast.text);

test("the theme is applied and kept at once; that of the system is no theme", () => {
  open();
  fireEvent.click(screen.getByLabelText("Dark"));
  expect(document.documentElement.dataset["theme"]).toBe("dark");
  expect(localStorage.getItem("throughline.theme")).toBe("dark");
  fireEvent.click(screen.getByLabelText("As the system"));
  expect(document.documentElement.dataset["theme"]).toBeUndefined();
  expect(localStorage.getItem("throughline.theme")).toBeNull();
});

test("an export tells how far it is, and can be called off", async () => {
  let signal: AbortSignal | undefined;
  open((client) => {
    client.data.exportAll = (progress, given) => {
      signal = given;
      progress(3, 12);
      return new Promise((_, reject) => given?.addEventListener("abort", () => reject(given.reason)));
    };
  });
  press("Export all chats");
  expect(await screen.findByText("3 of 12")).toBeTruthy();
  press("Cancel");
  await waitFor(() => screen.getByRole("button", { name: "Export all chats" }));
  expect(signal?.aborted).toBe(true);
  expect(screen.queryByRole("alert")).toBeNull();
  expect(texts()).toEqual([]);
});

test("an export that breaks off says why", async () => {
  open((client) => {
    client.data.exportAll = () => Promise.reject(new Error("The engine went away."));
  });
  press("Export all chats");
  expect((await screen.findByRole("alert")).textContent).toContain("The engine went away.");
});

test("the cache is cleared only after a yes", async () => {
  const client = open();
  press("Clear the cache");
  await screen.findByRole("dialog");
  press("Cancel");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(client.calls).not.toContain("clearCache");
  press("Clear the cache");
  await screen.findByRole("dialog");
  press("Clear");
  await waitFor(() => expect(client.calls).toContain("clearCache"));
  await waitFor(() => expect(texts()).toEqual(["This device has forgotten its copies"]));
});

test("what is known here is counted again when the list changes", async () => {
  let known = 0;
  const client = open((fixture) => {
    fixture.data.usage = async () => ({ conversations: known, inFull: known, bytes: null });
  });
  expect(await screen.findByText("No chats are known here yet.")).toBeTruthy();
  known = 1;
  act(() => client.list.set({ loading: "ready", items: [], hasMore: false }));
  expect(await screen.findByText(/^1 chat is known here by name/)).toBeTruthy();
});

test.each([
  ["granted", "true", "on"],
  ["denied", "false", null],
])("turning notifications on asks the browser: %s", async (answer, checked, kept) => {
  const asked = vi.fn(async () => {
    Object.assign(stub, { permission: answer });
    return answer;
  });
  const stub = { permission: "default", requestPermission: asked };
  vi.stubGlobal("Notification", stub);
  open();
  const control = screen.getByRole("switch", { name: "Tell me when an answer is finished" });
  expect(asked).not.toHaveBeenCalled();
  fireEvent.click(control);
  await waitFor(() => expect(asked).toHaveBeenCalledOnce());
  await waitFor(() => expect(control.getAttribute("aria-checked")).toBe(checked));
  expect(localStorage.getItem("throughline.notifications")).toBe(kept);
  vi.unstubAllGlobals();
});
