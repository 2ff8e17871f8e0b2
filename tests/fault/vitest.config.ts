import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

// One file at a time in the long form: what is measured there, like the time to be ready again, is measured alone.
const slowness = Number(process.env["TEST_SLOWNESS"] ?? 1);
const isLong = process.env["FAULT_LONG"] === "1";
if (process.env["FAULT_SEED"] === undefined) {
  process.env["FAULT_SEED"] = isLong ? String(Math.floor(Math.random() * 1_000_000_000)) : "1";
}
process.env["FAULT_REPORT"] ??= join(mkdtempSync(join(tmpdir(), "throughline-fault-")), "rows.jsonl");

export default defineConfig({
  test: {
    root: import.meta.dirname,
    testTimeout: 60_000 * slowness,
    hookTimeout: 60_000 * slowness,
    maxWorkers: isLong ? 1 : 2,
    reporters: ["default"],
    globalSetup: ["support/table.ts"],
    setupFiles: ["../system/support/after.ts"],
    env: {
      FAULT_SEED: process.env["FAULT_SEED"]!,
      FAULT_REPORT: process.env["FAULT_REPORT"]!,
    },
    // What clients and the model do wrong is borne by one process and by two API processes and two workers. Files that begin with
    // "many" are about the many themselves.
    projects: [
      { extends: true, test: { name: "one", include: ["**/*.test.ts"], exclude: ["node_modules"] } },
      { extends: true, test: { name: "many", include: ["{b,c,u}*.test.ts"], exclude: ["checker.test.ts"], env: { TEST_SETUP: "many", TEST_EACH: "2" } } },
    ],
  },
});
