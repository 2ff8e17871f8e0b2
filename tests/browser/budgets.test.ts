// What has to be on the way before the first chat can be read. Sizes are of gzip, as the engine sends them to whoever takes no
// brotli, and no machine's noise upsets them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const site = join(import.meta.dirname, "../../build/web");
const html = readFileSync(join(site, "index.html"), "utf8");

const gzipped = (path: string) => gzipSync(readFileSync(join(site, path)), { level: 9 }).length;
const total = (paths: readonly string[]) => paths.reduce((sum, path) => sum + gzipped(path), 0);
const assets = readdirSync(join(site, "assets"));
const named = (pattern: RegExp) => assets.filter((name) => pattern.test(name)).map((name) => `assets/${name}`);

test("the shell has at most 150 kB", () => {
  const first = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((match) => match[1]!);
  expect(first.length).toBeGreaterThan(3);
  const bytes = total(["index.html", ...first]);
  console.log(`the shell: ${Math.round(bytes / 1000)} kB`);
  expect(bytes).toBeLessThanOrEqual(150_000);
});

test("markdown, highlighting and mathematics come later and have at most 290 kB", () => {
  const markdown = named(/^(?:answer|highlight|languages|math|formula)-[\w-]+\.(?:js|css)$/);
  expect(markdown.length).toBeGreaterThanOrEqual(4);
  for (const path of markdown) expect(html).not.toContain(path);
  const bytes = total(markdown);
  console.log(`markdown: ${Math.round(bytes / 1000)} kB`);
  expect(bytes).toBeLessThanOrEqual(290_000);
});
