import { defineConfig } from "vitest/config";

const slowness = Number(process.env["TEST_SLOWNESS"] ?? 1);

// Each file starts servers of its own on free ports; two at a time suit two cores.
export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    testTimeout: 60_000 * slowness,
    hookTimeout: 60_000 * slowness,
    maxWorkers: 2,
    reporters: ["default"],
  },
});
