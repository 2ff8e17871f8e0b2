// Builds /sw.js after the page: the worker keeps exactly the files the page is made of.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { build, type Plugin } from "vite";

/** @param entry the worker's source. */
export function pageWorker(entry: string): Plugin {
  let outDir = "";
  return {
    name: "page-worker",
    apply: "build",
    configResolved(config) {
      outDir = config.build.outDir;
    },
    async closeBundle(error) {
      if (error !== undefined) return;
      const names = readdirSync(outDir, { recursive: true, withFileTypes: true })
        // Of each font the newest form: every browser with a worker knows it.
        .filter((file) => file.isFile() && file.name !== "sw.js" && !/\.(ttf|woff)$/.test(file.name))
        .map((file) => `/${relative(outDir, join(file.parentPath, file.name)).split(sep).join("/")}`)
        .sort();
      const hash = createHash("sha256");
      for (const name of names) hash.update(name).update(readFileSync(join(outDir, name)));
      const files = names.map((name) => (name === "/index.html" ? "/" : name));
      await build({
        configFile: false,
        publicDir: false,
        logLevel: "warn",
        define: {
          __FILES__: JSON.stringify(files),
          __VERSION__: JSON.stringify(hash.digest("hex").slice(0, 12)),
        },
        build: {
          outDir,
          emptyOutDir: false,
          target: "es2023",
          lib: { entry, formats: ["iife"], name: "worker", fileName: () => "sw.js" },
        },
      });
    },
  };
}
