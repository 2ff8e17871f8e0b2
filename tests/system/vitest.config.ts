import { defineConfig } from "vitest/config";

const slowness = Number(process.env["TEST_SLOWNESS"] ?? 1);

// Each file starts servers of its own on free ports; two at a time suit two cores.
export default defineConfig({
  test: {
    testTimeout: 60_000 * slowness,
    hookTimeout: 60_000 * slowness,
    maxWorkers: 2,
    reporters: ["default"],
    setupFiles: ["support/after.ts"],
    // What people see is the same whether one process does everything or many share it.
    projects: [
      { extends: true, test: { name: "one", include: ["**/*.test.ts"], exclude: ["many.test.ts", "node_modules"] } },
      { extends: true, test: { name: "many", include: ["{answers,api,events,limits,providers,faults,many}.test.ts"], env: { TEST_SETUP: "many" } } },
    ],
  },
});
