/** The routes of the application. Every other page is the engine's: its API, /docs, /sign-in and /sign-out are never ours. */
const routes = /^\/(?:c\/[^/]+|settings)?$/;

/** Whether a page at this path is the application's. Pure. */
export function isOfPage(path: string): boolean {
  return routes.test(path);
}

/** Which kept file answers a request; undefined: none does, it goes to the network untouched. Pure. */
export function answerFor(path: string, navigates: boolean, files: ReadonlySet<string>): string | undefined {
  if (navigates) return isOfPage(path) ? "/" : undefined;
  // A hashed name may be of the version before.
  return path !== "/" && (files.has(path) || path.startsWith("/assets/")) ? path : undefined;
}
