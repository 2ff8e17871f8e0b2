// What may not happen in any page of any test: a violation of the Content-Security-Policy, an error in the console, an exception
// nobody caught, a dialog, a download, a request to anywhere but the engine. Collected while the test runs, held against it at
// its end. The event streams that are open are counted here as well.
import type { BrowserContext, Page, Request } from "playwright-core";
import { slowness } from "../../system/support/process.ts";

/** What a browser itself says in the console about requests that failed: expected where a test cuts the network. */
export const networkNoise = /^console: Failed to load resource: |net::ERR_/;

/** A context is told once to whom it reports; the desk of a file is watched by one test after another. */
const current = new WeakMap<BrowserContext, Watch>();

export class Watch {
  private seen: string[] = [];
  private readonly excuses: RegExp[] = [];
  private readonly origins: ReadonlySet<string>;
  private readonly streams = new Map<Request, Page>();
  /** Of every request, service workers' included: `GET /path?query`. */
  readonly requests: string[] = [];
  /** The most event streams that were open at the same time since this was set to 0. */
  mostStreams = 0;

  private constructor(origins: readonly string[]) {
    this.origins = new Set(origins);
  }

  static async over(context: BrowserContext, origins: readonly string[]): Promise<Watch> {
    const watch = new Watch(origins);
    const isNew = !current.has(context);
    current.set(context, watch);
    if (isNew) await listenForViolations(context);
    context.setDefaultTimeout(15_000 * slowness);
    context.on("request", (request) => watch.take(request));
    context.on("requestfinished", (request) => watch.streams.delete(request));
    context.on("requestfailed", (request) => watch.streams.delete(request));
    context.on("page", (page) => watch.follow(page));
    for (const page of context.pages()) watch.follow(page);
    return watch;
  }

  /** From now on what matches is expected. */
  excuse(...what: RegExp[]): void {
    this.excuses.push(...what);
  }

  /** What was seen and is not excused. Forgets it. */
  findings(): string[] {
    const all = this.seen;
    this.seen = [];
    return all.filter((one) => !this.excuses.some((excuse) => excuse.test(one)));
  }

  /** The tabs that hold a request to `/events` open, one entry for each request. */
  openStreams(): Page[] {
    return [...this.streams.values()].filter((page) => !page.isClosed());
  }

  /** Something that must not happen did. */
  note(what: string): void {
    this.seen.push(what);
  }

  private take(request: Request): void {
    const url = new URL(request.url());
    // Nothing of these leaves the browser; whether they may be used is for the policy to say.
    if (url.protocol === "blob:" || url.protocol === "data:") return;
    this.requests.push(`${request.method()} ${url.pathname}${url.search}`);
    if (!this.origins.has(url.origin)) this.note(`a request to somewhere else: ${request.method()} ${request.url()}`);
    if (url.pathname !== "/events" || request.serviceWorker() !== null) return;
    this.streams.set(request, request.frame().page());
    this.mostStreams = Math.max(this.mostStreams, this.openStreams().length);
  }

  private follow(page: Page): void {
    page.on("console", (message) => {
      if (message.type() === "error") this.note(`console: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.note(`uncaught: ${error.stack ?? error.message}`));
    page.on("crash", () => this.note("a page crashed"));
    page.on("websocket", (socket) => this.note(`a web socket to ${socket.url()}`));
    page.on("download", (download) => this.note(`a download: ${download.url()}`));
    page.on("dialog", (dialog) => {
      this.note(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }
}

async function listenForViolations(context: BrowserContext): Promise<void> {
  await context.exposeBinding("reportViolation", (_, what: string) => current.get(context)?.note(`CSP violation: ${what}`));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      const { reportViolation } = globalThis as unknown as { reportViolation(what: string): void };
      reportViolation(`${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`);
    });
  });
}
