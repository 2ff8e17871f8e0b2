import { startEngine } from "../system/support/engine.ts";
import { startModel } from "../system/support/model.ts";
import { until } from "../system/support/process.ts";
import { Chromium } from "./support/chromium.ts";
import { Chat } from "./support/chat.ts";
const model = await startModel();
let engine = await startEngine({ model: model.base });
const chromium = await Chromium.begin();
const shots = "/tmp/shots/";
try {
  const context = await chromium.browser.newContext({ viewport: { width: 1100, height: 720 } });
  const page = await context.newPage();
  page.on("pageerror", (e) => console.log("pageerror", e.message));
  await page.goto(engine.url); const chat = new Chat(page); await chat.ready();
  await page.getByText("No chats yet").waitFor();
  await page.screenshot({ path: shots + "empty.png" });
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const ids: string[] = [];
  for (let n = 0; n < 1; n++) await Promise.all(Array.from({ length: 50 }, async (_, k) => { ids.push((await engine.conversation({ title: `Chat number ${n * 50 + k}` })).id); }));
  await page.goto(engine.url);
  await page.locator("[data-conversation]").first().waitFor();
  await until("all", async () => page.evaluate(async () => { const all = await indexedDB.databases(); let n = 0; for (const { name } of all) { n = Math.max(n, await new Promise<number>((done) => { const r = indexedDB.open(name!); r.onsuccess = () => { const d = r.result; const s = [...d.objectStoreNames].find((x) => /sessions|conversations/.test(x)); if (!s) { d.close(); return done(0); } const c = d.transaction(s).objectStore(s).count(); c.onsuccess = () => { d.close(); done(c.result); }; }; r.onerror = () => done(0); })); } return n >= 20; }), 30_000).catch((e: unknown) => console.log(String(e)));
  for (let n = 0; n < 5; n++) {
    await page.addInitScript(() => { const o = new MutationObserver(() => { if (document.querySelector("[data-conversation]")) { (window as unknown as { at: number }).at = performance.now(); o.disconnect(); } }); o.observe(document, { subtree: true, childList: true }); });
    await page.goto(engine.url + "/settings");
    await page.locator("[data-conversation]").first().waitFor();
    console.log("list drawn after", Math.round(await page.evaluate(() => (window as unknown as { at: number }).at)), "ms; script start", await page.evaluate(() => Math.round(performance.getEntriesByType("navigation")[0]!.toJSON().domInteractive)));
  }
  await context.setOffline(true);
  await page.reload();
  await page.waitForTimeout(1000);
  console.log("online?", await page.evaluate(() => navigator.onLine), await page.locator("[role=status]").allInnerTexts());
  await page.screenshot({ path: shots + "offline.png" });
  await context.setOffline(false);
  await page.getByText("Connected").first().waitFor({ timeout: 40_000 });
  await page.context().close();
  const blank = await chromium.browser.newContext({ viewport: { width: 320, height: 640 } });
  const p2 = await blank.newPage();
  await p2.route("**/me", (r) => r.abort());
  await p2.route("**/events*", (r) => r.abort());
  await p2.goto(engine.url);
  await p2.getByRole("heading", { name: "does not answer" }).waitFor();
  await p2.waitForTimeout(3000);
  await p2.screenshot({ path: shots + "first-start.png" });
  await p2.unroute("**/me");
  await p2.route("**/me", (r) => r.fulfill({ status: 401, json: { type: "about:blank", title: "x", status: 401, detail: "x", code: "unauthorized" } }));
  await p2.reload(); await p2.getByText("signed out").waitFor(); await p2.screenshot({ path: shots + "signed-out.png" });
  await blank.close();
  // lost chunk
  const lost = await chromium.browser.newContext({ serviceWorkers: "block" }); const p3 = await lost.newPage();
  let loads = 0; p3.on("load", () => { loads += 1; });
  await p3.route("**/assets/settings_page*", (r) => r.fulfill({ status: 404 }));
  await p3.goto(engine.url); await p3.getByRole("link", { name: "Settings" }).click();
  await p3.getByText("could not be shown").waitFor({ timeout: 10_000 }).catch((e: unknown) => console.log("no boundary", String(e).slice(0, 60)));
  console.log("loads", loads); await p3.screenshot({ path: shots + "lost.png" });
  console.log("register undefined:"); 
} finally { await chromium.dispose(); await engine.dispose(); await model.stop(); }
