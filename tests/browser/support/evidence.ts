// What a test that failed leaves behind to look at: a picture and the text of every tab, in build/browser/.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";

const folder = join(import.meta.dirname, "../../../build/browser");

export async function keepEvidence(name: string, pages: readonly Page[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const base = name.replaceAll(/[^a-z0-9]+/gi, "-").slice(0, 80);
  for (const [n, page] of pages.entries()) {
    const file = join(folder, `${base}-${n + 1}`);
    await page.screenshot({ path: `${file}.png`, timeout: 5_000 }).catch(() => undefined);
    const text = await page.locator("body").ariaSnapshot({ timeout: 5_000 }).catch((error: unknown) => String(error));
    writeFileSync(`${file}.txt`, `${page.url()}\n\n${text}\n`);
  }
}
