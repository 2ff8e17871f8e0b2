// The judge is judged: each thing that may not happen in a page is seen when it happens in a plain one.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { until } from "../system/support/process.ts";
import { Chromium } from "./support/chromium.ts";
import { Watch } from "./support/watch.ts";

const policy = "default-src 'none'; script-src 'self'; connect-src *; img-src *; require-trusted-types-for 'script'";
let chromium: Chromium;
let server: Server;
let home: string;
let page: Page;
let watch: Watch;

beforeAll(async () => {
  server = createServer((request, reply) => {
    if (request.url === "/events") return void reply.writeHead(200, { "Content-Type": "text/event-stream" }).write(":\n\n");
    const headers = { "Content-Type": "text/html", "Content-Security-Policy": policy };
    reply.writeHead(request.url === "/missing" ? 404 : 200, headers).end(`<!doctype html><title>plain</title><p>Plain</p>${request.url === "/inline" ? "<script>1</script>" : ""}`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  home = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  chromium = await Chromium.begin();
});
afterAll(async () => {
  await chromium?.dispose();
  server.closeAllConnections();
  server.close();
});

async function openPage(): Promise<void> {
  const context = await chromium.browser.newContext();
  watch = await Watch.over(context, [home]);
  page = await context.newPage();
  await page.goto(home);
}
afterEach(() => page.context().close());

test.each<[string, () => void, RegExp]>([
  ["an inline script", () => void location.assign("/inline"), /^CSP violation: script-src-elem forbids inline/],
  ["an inline style", () => void document.body.setAttribute("style", "color: red"), /^CSP violation: style-src/],
  ["markup from a string", () => { try { document.body.innerHTML = "<b>x</b>"; } catch {} }, /^CSP violation: require-trusted-types-for/],
  ["a remote image", () => void document.body.append(Object.assign(new Image(), { src: "http://tracker.test/p.gif" })), /^a request to somewhere else: GET http:\/\/tracker\.test/],
  ["a beacon", () => void navigator.sendBeacon("http://tracker.test/b", "x"), /^a request to somewhere else: POST/],
  ["an error in the console", () => console.error("oh"), /^console: oh/],
  ["a request that failed", () => void fetch("/missing"), /^console: Failed to load resource/],
  ["an exception", () => void setTimeout(() => { throw new Error("oops"); }), /^uncaught: Error: oops/],
  ["a rejection", () => void Promise.reject(new Error("nobody")), /^uncaught: Error: nobody/],
  ["a dialog", () => void setTimeout(() => alert(1)), /^a dialog: 1/],
  ["a web socket", () => void new WebSocket("ws://tracker.test/"), /^a web socket/],
  ["a window", () => void window.open("http://tracker.test/"), /^a request to somewhere else: GET http:\/\/tracker\.test/],
])("is seen: %s", async (_, misdeed, says) => {
  await openPage();
  expect(watch.findings()).toEqual([]);
  await page.evaluate(misdeed);
  const found: string[] = [];
  await until(`${says}`, () => found.push(...watch.findings()) > 0 && found.some((one) => says.test(one)));
});

test("what is excused is no finding, other things are", async () => {
  await openPage();
  watch.excuse(/one/);
  await page.evaluate(() => { console.error("one"); console.error("two"); });
  expect(await until("findings", () => { const all = watch.findings(); return all.length > 0 && all; })).toEqual([expect.stringContaining("two")]);
});

test("event streams are counted while they are open", async () => {
  await openPage();
  const cut = () => page.evaluate(() => (window as unknown as { abort: AbortController }).abort.abort());
  const connect = () => page.evaluate(() => {
    const abort = new AbortController();
    Object.assign(window, { abort });
    return fetch("/events", { signal: abort.signal }).then(() => undefined);
  });
  await connect();
  expect(watch.openStreams()).toEqual([page]);
  await connect();
  expect(watch.openStreams()).toEqual([page, page]);
  expect(watch.mostStreams).toBe(2);
  await cut();
  await until("one is over", () => watch.openStreams().length === 1);
  await page.reload();
  await until("both are over", () => watch.openStreams().length === 0);
});

test("a tab behind another is hidden, and one that is frozen stands still", async () => {
  const [first, second] = [await chromium.profileContext.newPage(), await chromium.profileContext.newPage()];
  page = await (await chromium.browser.newContext()).newPage();
  await first.goto(home);
  await second.goto(home);
  const visibility = (tab: Page) => tab.evaluate(() => document.visibilityState);
  // Pages are told of it later than the browser.
  const inFront = (front: Page, behind: Page) =>
    until("one is in front", async () => (await visibility(front)) === "visible" && (await visibility(behind)) === "hidden");
  await inFront(second, first);
  await first.bringToFront();
  await inFront(first, second);
  await first.evaluate(() => {
    const seen: string[] = [];
    Object.assign(window, { seen });
    for (const name of ["freeze", "resume"]) document.addEventListener(name, () => seen.push(name));
  });
  await second.bringToFront();
  await inFront(second, first);
  const session = await chromium.profileContext.newCDPSession(first);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  await session.send("Page.setWebLifecycleState", { state: "active" });
  expect(await first.evaluate(() => (window as unknown as { seen: string[] }).seen)).toEqual(["freeze", "resume"]);
});
