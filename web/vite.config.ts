import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { engineProxy } from "./tools/engine_proxy.ts";
import { pageWorker } from "./tools/page_worker.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [react(), tailwindcss(), pageWorker(here("./worker/worker.ts"))],
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
  },
});
