import { defineConfig } from "vitest/config";

const slowness = Number(process.env["TEST_SLOWNESS"] ?? 1);

// Each file has an engine, a model and a Chromium of its own; two at a time suit two cores.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    testTimeout: 240_000 * slowness,
    hookTimeout: 60_000 * slowness,
    maxWorkers: 2,
    reporters: ["default"],
  },
});
