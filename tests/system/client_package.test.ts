// The package @throughline/client as people get it: packed, installed in an empty project, and its example run against an engine.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";

const web = fileURLToPath(new URL("../../web/", import.meta.url));
// npm runs with the Node of these tests, whatever else the machine has.
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` };

let engine: Engine;
let project: string;

function run(command: string, args: string[], cwd: string): string {
  return execFileSync(command, args, { cwd, env, encoding: "utf8", timeout: 120_000 });
}

beforeAll(async () => {
  engine = await startEngine();
  project = mkdtempSync(join(tmpdir(), "throughline-client-"));
});
afterAll(async () => {
  await engine.dispose();
  rmSync(project, { recursive: true, force: true });
});

test("the examples run in an empty project", { timeout: 240_000 }, () => {
  run("npm", ["pack", "--silent", "--workspace", "client", "--pack-destination", project], web);
  const tarball = readdirSync(project).find((name) => name.endsWith(".tgz"));
  writeFileSync(join(project, "package.json"), '{"private": true, "type": "module"}\n');
  run("npm", ["install", "--silent", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`], project);

  const installed = join(project, "node_modules/@throughline/client");
  expect(readdirSync(installed).sort()).toEqual(["README.md", "dist", "example", "package.json"]);
  const files = readdirSync(join(installed, "dist"), { recursive: true }).map(String);
  expect(files.filter((name) => /test|testing/.test(name))).toEqual([]);

  cpSync(join(installed, "example/follow.js"), join(project, "follow.js"));
  const said = run(process.execPath, ["follow.js", engine.url], project);
  expect(said).toMatch(/^connected to Throughline \S+ as local$/m);
  expect(said).toMatch(/^cut at 1-\d+ after \d+ characters$/m);
  expect(said).toMatch(/^resumed: went on where it was, \d+ characters$/m);
  expect(said).toMatch(/^the engine has the same text$/m);
  expect(said).toMatch(/^stopped: cancelled, \d+ characters kept$/m);

  cpSync(join(installed, "example/chat.js"), join(project, "chat.js"));
  const chatted = run(process.execPath, ["chat.js", engine.url], project);
  expect(chatted).toMatch(/^asked: Write a paragraph about the sea\.$/m);
  expect(chatted).toMatch(/^answered: completed, \d+ characters$/m);
  expect(chatted).toMatch(/^listed: true$/m);
});
