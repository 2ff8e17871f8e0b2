// For `./dev web`: everything of the API goes to a running engine, as if the page came from there.
import { readFileSync } from "node:fs";
import type { CommonServerOptions } from "vite";

/** The paths of the API by their first segment, as its own description has them. */
function apiPaths(description: string): string {
  const { paths } = JSON.parse(readFileSync(description, "utf8")) as { paths: Record<string, unknown> };
  const first = new Set(Object.keys(paths).map((path) => path.split("/")[1] ?? ""));
  return [...first, "api"].join("|").replaceAll(".", "\\.");
}

/**
 * @param engine where it listens: `http://127.0.0.1:8080`.
 * @param description the file openapi.json.
 */
export function engineProxy(engine: string, description: string): NonNullable<CommonServerOptions["proxy"]> {
  const { origin } = new URL(engine);
  return {
    [`^/(${apiPaths(description)})(/|\\?|$)`]: {
      target: origin,
      changeOrigin: true,
      secure: true,
      configure: (proxy) => {
        // The engine lets its own pages in, and no others.
        proxy.on("proxyReq", (request) => {
          if (request.getHeader("origin") !== undefined) request.setHeader("origin", origin);
        });
      },
    },
  };
}
