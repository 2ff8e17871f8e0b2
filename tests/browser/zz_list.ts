import { startEngine } from "../system/support/engine.ts";
import { startModel } from "../system/support/model.ts";
import { Chromium } from "./support/chromium.ts";
const model = await startModel(); const engine = await startEngine({ model: model.base }); const chromium = await Chromium.begin();
try {
  for (let n = 0; n < 20; n++) await Promise.all(Array.from({ length: 50 }, (_, k) => engine.conversation({ title: `Chat number ${n * 50 + k}` })));
  const context = await chromium.browser.newContext(); const page = await context.newPage();
  await page.addInitScript(() => { const o = new MutationObserver(() => { if (document.querySelector("[data-conversation]")) { (window as unknown as { at: number }).at = performance.now(); o.disconnect(); } }); o.observe(document, { subtree: true, childList: true }); });
  await page.goto(engine.url); await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.waitForTimeout(4000);
  for (let n = 0; n < 6; n++) {
    await page.goto(engine.url + "/"); await page.locator("[data-conversation]").first().waitFor(); await page.waitForTimeout(500);
    console.log(JSON.stringify(await page.evaluate(() => { const nav = performance.getEntriesByType("navigation")[0]!.toJSON(); return { list: Math.round((window as unknown as { at: number }).at), responseEnd: Math.round(nav.responseEnd), interactive: Math.round(nav.domInteractive), dcl: Math.round(nav.domContentLoadedEventStart), fcp: Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1), res: performance.getEntriesByType("resource").filter((r) => /dexie|pages|index-|sw/.test(r.name)).map((r) => r.name.replace(/.*\//, "").slice(0, 12) + " " + Math.round(r.startTime) + "-" + Math.round((r as PerformanceResourceTiming).responseEnd)) }; })));
  }
} finally { await chromium.dispose(); await engine.dispose(); await model.stop(); }
