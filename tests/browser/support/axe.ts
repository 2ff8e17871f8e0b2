// axe in a world of its own: it sees the page's document, the page sees nothing of it, and its Content-Security-Policy stays.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary: string; target: unknown[] }[];
}

/**
 * How menus and popovers of Base UI are made, and no fault: what guards the focus sends it on as soon as it has it, and what a
 * button opens belongs to that button, not to a landmark.
 */
function isHow(id: string, html: string): boolean {
  return (id === "aria-hidden-focus" && html.includes("data-base-ui-focus-guard")) || (id === "region" && /role="(menu|dialog)"/.test(html));
}

/** What axe finds in the page as it is now, in words; empty: nothing. */
export async function findViolations(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  try {
    const { frameTree } = await session.send("Page.getFrameTree");
    const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
    const evaluate = async (expression: string) => {
      const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
        expression, contextId: executionContextId, awaitPromise: true, returnByValue: true,
      });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value as unknown;
    };
    await evaluate(`${source};0`);
    const violations = (await evaluate("axe.run(document, { resultTypes: ['violations'] }).then((result) => result.violations)")) as Violation[];
    return violations.flatMap(({ id, help, nodes }) => nodes.filter(({ html }) => !isHow(id, html)).map((node) => `${id} (${help}): ${node.html.slice(0, 300)}\n  ${node.failureSummary.replaceAll("\n", "\n  ")}`));
  } finally {
    await session.detach();
  }
}

/** Names what makes the page wider than its window. */
export function findOverflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("body *")]
      .filter((node) => node.getBoundingClientRect().right > width + 0.5)
      .slice(-5)
      .map((node) => `wider than ${width} px: ${node.outerHTML.slice(0, 200)}`)
      .concat(`the page is ${document.documentElement.scrollWidth} px wide`);
  });
}
