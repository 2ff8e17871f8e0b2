import { defineConfig } from "vitest/config";

// Each file starts servers of its own on free ports; two at a time suit two cores.
export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    reporters: ["default"],
  },
});
