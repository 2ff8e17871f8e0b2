// The script that runs before the first paint is not a module, so Vite leaves it alone. Here it gets a name that says what is in
// it, so that browsers keep it for ever like all others: what holds up the first paint must not ask the network.
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

/**
 * @param file the script.
 * @param address of the script in index.html, where it is served while the page is developed.
 */
export function firstPaint(file: string, address: string): Plugin {
  const name = "first_paint.js";
  return {
    name: "first-paint",
    apply: "build",
    buildStart() {
      this.emitFile({ type: "asset", name, source: readFileSync(file, "utf8") });
    },
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle = {} }) {
        const asset = Object.values(bundle).find((one) => one.type === "asset" && one.names.includes(name));
        if (asset === undefined || !html.includes(address)) throw new Error(`index.html has no ${address}`);
        return html.replace(address, `/${asset.fileName}`);
      },
    },
  };
}
