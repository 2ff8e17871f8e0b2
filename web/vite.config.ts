import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { engineProxy } from "./tools/engine_proxy.ts";
import { firstPaint } from "./tools/first_paint.ts";
import { pageWorker } from "./tools/page_worker.ts";

/** KaTeX's fonts in one format instead of three: every browser that can run the page reads woff2. */
const onlyWoff2: Plugin = {
  name: "only-woff2",
  enforce: "pre",
  transform(code, id) {
    if (!id.endsWith("/katex.min.css")) return null;
    return code.replace(/,url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)/g, "");
  },
};

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [
    react(),
    tailwindcss(),
    firstPaint(here("./src/first_paint.js"), "/src/first_paint.js"),
    pageWorker(here("./worker/worker.ts")),
    onlyWoff2,
  ],
  resolve: { alias: { "@throughline/client": here("./client/src/index.ts") } },
  // Where the engine is, if not where the page comes from. Both names are known: many come from Next.js.
  define: {
    __ENGINE_URL__: JSON.stringify(process.env["VITE_API_URL"] ?? process.env["NEXT_PUBLIC_API_URL"] ?? ""),
  },
  server: {
    proxy: engineProxy(
      process.env["THROUGHLINE_URL"] ?? "http://127.0.0.1:8080",
      here("../src/api/openapi.json"),
    ),
  },
  build: {
    outDir: here("../build/web"),
    emptyOutDir: true,
    target: "es2023",
    // A font inside a style sheet is a data: address, which the Content-Security-Policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What is always needed is one file: each one more is one more way through the service worker before anything is drawn.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "index", tags: ["$initial"] }] } } },
  },
});
