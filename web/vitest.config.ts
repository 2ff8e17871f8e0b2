import { defineConfig, mergeConfig } from "vitest/config";
import vite from "./vite.config.ts";

export default mergeConfig(
  vite,
  defineConfig({
    test: {
      // A machine that is busy with other things fails no test.
      testTimeout: 60_000,
      hookTimeout: 60_000,
      maxWorkers: 2,
      projects: [
        {
          extends: true,
          test: {
            name: "client",
            include: ["client/src/**/*.test.ts", "worker/*.test.ts"],
            environment: "node",
          },
        },
        {
          extends: true,
          test: { name: "app", include: ["src/**/*.test.{ts,tsx}"], environment: "happy-dom" },
        },
      ],
    },
  }),
);
