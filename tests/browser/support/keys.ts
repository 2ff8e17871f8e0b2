// A person without a mouse: presses keys, and looks where the focus is.
import type { Page } from "playwright-core";
import { until } from "../../system/support/process.ts";

/** What has the focus, as a screen reader names it: `button Stop`. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const node = document.activeElement;
    if (node === null || node === document.body) return "nothing";
    const implied: Record<string, string> = { A: "link", BUTTON: "button", TEXTAREA: "textbox", INPUT: "textbox" };
    if (node.tagName === "INPUT" && ["radio", "checkbox"].includes((node as HTMLInputElement).type)) implied["INPUT"] = (node as HTMLInputElement).type;
    const role = node.getAttribute("role") ?? implied[node.tagName] ?? node.tagName.toLowerCase();
    const labelled = (node.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => (id ? document.getElementById(id)?.textContent : "") ?? "").join(" ").trim();
    const label = node.getAttribute("aria-label") || labelled || (node as HTMLInputElement).labels?.[0]?.textContent || node.textContent || "";
    return `${role} ${label.trim().slice(0, 80)}`;
  });
}

/** Presses Tab (or Shift+Tab) until what has the focus is called so. */
export async function tabTo(page: Page, name: RegExp, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  const passed: string[] = [];
  for (let n = 0; n < 80; n++) {
    const now = await focused(page);
    if (name.test(now)) return;
    passed.push(now);
    await page.keyboard.press(key);
  }
  throw new Error(`${key} never came to ${name}; it came to:\n${passed.join("\n")}`);
}

export async function expectFocus(page: Page, name: RegExp): Promise<void> {
  let last = "";
  await until(`the focus on ${name}`, async () => name.test((last = await focused(page)))).catch((error: unknown) => {
    throw new Error(`${String(error)}; it is on: ${last}`);
  });
}
