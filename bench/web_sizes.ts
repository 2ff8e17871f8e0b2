// What the browser must fetch: sizes of the built application, compressed as the binary carries it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const built = resolve(import.meta.dirname, "../build/web");

export interface Size {
  gzip: number;
  brotli: number;
}

/** Kilobytes (1,000 bytes) of these files together, each compressed by itself. */
export function sizeOf(files: Iterable<string>): Size {
  const size = { gzip: 0, brotli: 0 };
  for (const file of files) {
    const bytes = readFileSync(join(built, file));
    size.gzip += gzipSync(bytes, { level: 9 }).length / 1000;
    size.brotli +=
      brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length / 1000;
  }
  return size;
}

/** The page and all it names: what is there before anything is drawn. */
export function shellFiles(): Set<string> {
  if (!existsSync(join(built, "index.html"))) throw new Error(`${built} is not built: ./dev build web`);
  const html = readFileSync(join(built, "index.html"), "utf8");
  const named = [...html.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((match) => match[1]!);
  return new Set(["index.html", ...withImports(named)]);
}

/** A chunk that is loaded later, what it imports and its style sheet, without what the shell has. `name` begins its file's name. */
export function chunkFiles(name: string): Set<string> {
  const shell = shellFiles();
  const own = readdirSync(join(built, "assets")).filter(
    (file) => file.startsWith(`${name}-`) && /\.(?:js|css)$/.test(file),
  );
  if (own.length === 0) throw new Error(`there is no chunk ${name} in ${built}`);
  return new Set([...withImports(own.map((file) => `assets/${file}`))].filter((file) => !shell.has(file)));
}

function withImports(files: readonly string[], found = new Set<string>()): Set<string> {
  for (const file of files) {
    if (found.has(file)) continue;
    found.add(file);
    if (!file.startsWith("assets/") || !file.endsWith(".js")) continue;
    const text = readFileSync(join(built, file), "utf8");
    const imported = [...text.matchAll(/(?:from|import)"\.\/([^"]+\.js)"/g)].map(
      (match) => `assets/${match[1]}`,
    );
    withImports(imported, found);
  }
  return found;
}
