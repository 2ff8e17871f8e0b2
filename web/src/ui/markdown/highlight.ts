/** Highlighting, away from typing and streaming: in idle time, in a chunk of its own, remembered for what is shown again. */
import type { Root } from "hast";
import { createLowlight } from "lowlight";
import { loadLanguage } from "./languages.ts";

const lowlight = createLowlight();
const loading = new Map<string, Promise<void>>();

/** Tokens of `code`. Rejects when the language cannot be loaded; then the code stays plain. */
export async function highlight(code: string, language: string): Promise<Root> {
  let ready = loading.get(language);
  if (ready === undefined) {
    ready = loadLanguage(language, (name, grammar) => {
      if (!lowlight.registered(name)) lowlight.register(name, grammar);
    });
    loading.set(language, ready);
    ready.catch(() => loading.delete(language));
  }
  await ready;
  await idle();
  return lowlight.highlight(language, code);
}

/** When the page has nothing better to do, or soon anyway. */
function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ("requestIdleCallback" in globalThis) requestIdleCallback(() => resolve(), { timeout: 1_000 });
    else setTimeout(resolve, 0);
  });
}
