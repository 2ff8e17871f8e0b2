// Budgets that a machine's noise cannot upset: sizes, and long tasks of a fixed script. The rest is in ./dev bench web.
import { describe, expect, test } from "vitest";
import { chunkFiles, shellFiles, sizeOf } from "../../bench/web_sizes.ts";
import { answerOf } from "../../bench/web_text.ts";
import { freshKey } from "../system/support/model.ts";
import { slowness } from "../system/support/process.ts";
import { useScene } from "./support/scene.ts";
import { cutUp, speech } from "./support/speaker.ts";
import { tasksDuring } from "./support/tasks.ts";

const scene = useScene({ raw: true });

describe("sizes, in kilobytes as gzip", () => {
  test("the page and its program", () => {
    expect(sizeOf(shellFiles()).gzip).toBeLessThan(150);
  });
  test("what draws answers, with highlighting and formulas", () => {
    const files = new Set(["answer", "highlight", "math"].flatMap((name) => [...chunkFiles(name)]));
    expect(sizeOf(files).gzip).toBeLessThan(290);
  });
});

/** Two frames of the page: what has arrived is drawn. */
const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

// The budget is fewer than five, and the table of ./dev bench web says how far it is kept: about five by now. This finds what makes it worse.
test("an answer of 200 kB makes few long tasks", async () => {
  const device = await scene.device();
  const chat = await device.open();
  // The renderer and the grammar come with the first answer, not with this one.
  await chat.say(speech(scene.raw, ["```python\nx = 1\n```\n"]).question);
  await chat.waitForStatus("completed");
  await chat.page.locator(".hljs-number").waitFor();
  // A piece a frame, however slow the machine is: pieces that pile up would be one task.
  const key = freshKey();
  scene.raw.script(key, async (reply) => {
    await reply.head();
    for (const piece of cutUp(answerOf(200_000), 2_000)) {
      await reply.text(piece);
      await chat.page.evaluate(drawn);
    }
    await reply.whole();
  });
  const tasks = await tasksDuring(scene.chromium.browser, async () => {
    await chat.say(JSON.stringify({ mock: { key, script: key } }), key);
    await chat.page.locator('article[data-role="assistant"]').nth(1).waitFor();
    await chat.waitForStatus("completed", chat.answer, 120_000);
  });
  expect(tasks.length).toBeGreaterThan(100);
  expect(tasks.filter((ms) => ms > 50).length).toBeLessThan(12);
}, 180_000 * slowness);
