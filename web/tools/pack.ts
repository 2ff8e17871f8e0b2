// What the program carries of the built application: `node pack.ts build/web build/web.pack`. All files, each as it is and coded by
// brotli and gzip where that is smaller, one behind the other in `bytes`; and for src/web_files.cpp a table of what is where.
// Browsers take brotli over HTTPS and from this machine only, so both codings are needed; programs that name none get the file itself.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".ttf": "font/ttf",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
};

interface WebFile {
  readonly path: string;
  readonly type: string;
  readonly digest: string;
  /** As it is, by gzip, by brotli; of no bytes where coding it saves nothing. */
  readonly forms: readonly [Buffer, Buffer, Buffer];
}

const nothing = Buffer.alloc(0);

async function read(root: string, name: string): Promise<WebFile> {
  const path = `/${relative(root, name).split(sep).join("/")}`;
  if (!/^[A-Za-z0-9/._-]+$/.test(path))
    throw new Error(`${path}: a name that has to be written in another way in an address`);
  const type = types[extname(name)];
  if (type === undefined) throw new Error(`${path}: no Content-Type is known for it (web/tools/pack.ts)`);
  const bytes = readFileSync(name);
  const [zipped, brotli] = await Promise.all([
    promisify(gzip)(bytes, { level: 9 }),
    promisify(brotliCompress)(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }),
  ]);
  const ifSmaller = (coded: Buffer): Buffer => (coded.length < bytes.length ? coded : nothing);
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
  return { path, type, digest, forms: [bytes, ifSmaller(zipped), ifSmaller(brotli)] };
}

/** The rows of the table, in the order of the bytes. */
function tableOf(files: readonly WebFile[]): string {
  let offset = 0;
  const rows = files.map((file) => {
    const places = file.forms.map((form) => {
      offset += form.length;
      return `at(${offset - form.length}, ${form.length})`;
    });
    return `{${[file.path, file.type, file.digest].map((text) => JSON.stringify(text)).join(", ")}, ${places.join(", ")}},\n`;
  });
  return rows.join("");
}

/** What is the same stays untouched, so that nothing is linked again for it. */
function writeIfOther(name: string, bytes: Buffer): void {
  try {
    if (readFileSync(name).equals(bytes)) return;
  } catch {
    // It is not there yet.
  }
  writeFileSync(name, bytes);
}

async function main(root: string | undefined, out: string | undefined): Promise<void> {
  if (root === undefined || out === undefined) throw new Error("usage: node pack.ts FOLDER OUT");
  const names = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const files = await Promise.all(names.map((name) => read(root, name)));
  if (!files.some((file) => file.path === "/index.html")) throw new Error(`${root} has no index.html`);
  mkdirSync(out, { recursive: true });
  writeIfOther(join(out, "bytes"), Buffer.concat(files.flatMap((file) => [...file.forms])));
  writeIfOther(join(out, "table.inc"), Buffer.from(tableOf(files)));
  const [plain, zipped, brotli] = [0, 1, 2].map((form) =>
    files.reduce((sum, file) => sum + (file.forms[form]?.length || file.forms[0].length), 0),
  );
  console.log(`${files.length} files: ${plain} bytes, ${zipped} by gzip, ${brotli} by brotli`);
}

await main(process.argv[2], process.argv[3]);
