// The application in the browser: node bench/web.ts BINARY [ROW...]
import { cutUp } from "../tests/browser/support/speaker.ts";
import { figure, measure, median, type Result, type Row } from "./measure.ts";
import { listed, markListed, scrollUp, switchTo } from "./web_page.ts";
import { chunkFiles, shellFiles, sizeOf } from "./web_sizes.ts";
import { Stage } from "./web_stage.ts";
import { answerOf } from "./web_text.ts";

async function withStage(run: (stage: Stage) => Promise<Result>): Promise<Result> {
  const stage = await Stage.begin();
  try {
    return await run(stage);
  } finally {
    await stage.end();
  }
}

const of = (figures: Result["figures"], note = ""): Result => ({ figures, problems: [], note });
const most = (values: readonly number[]) => Math.max(0, ...values);
const percentile = (values: readonly number[], part: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0;

const rows: Row[] = [
  {
    name: "sizes",
    work: "what must be fetched",
    run: async () => {
      const shell = sizeOf(shellFiles());
      const answers = sizeOf(chunkFiles("answer"));
      const all = sizeOf(new Set(["answer", "highlight", "math"].flatMap((name) => [...chunkFiles(name)])));
      return of([
        figure("the page and its program, gzip", shell.gzip, "kB", 150, 120),
        figure("the same, brotli", shell.brotli, "kB"),
        figure("drawing answers, gzip", answers.gzip, "kB", 290, 100),
        figure("the same, brotli", answers.brotli, "kB"),
        figure("with highlighting and formulas, gzip", all.gzip, "kB", 290, 200),
        figure("the same, brotli", all.brotli, "kB"),
      ]);
    },
  },
  {
    name: "typing",
    work: "typing 200 keys while four answers stream, 100 chunks/s each",
    run: () =>
      withStage(async (stage) => {
        const chats = await Promise.all([1, 2, 3, 4].map((n) => stage.conversation(`Stream ${n}`)));
        const { page } = await stage.tab(`/c/${chats[0]}`);
        for (const chat of chats) await stage.ask(chat, cutUp(answerOf(16_000), 8), 100);
        await page.locator('article[data-status="generating"]').waitFor();
        await page.evaluate(() => window.seen.begin());
        await page
          .getByRole("textbox", { name: "Message", exact: true })
          .pressSequentially("what was typed ".repeat(14).slice(0, 200), { delay: 60 });
        const seen = await page.evaluate(() => ({ ...window.seen, begin: undefined }));
        return of(
          [
            figure("key press to paint, worst", most(seen.keys), "ms", 50, 24),
            figure("tasks over 50 ms", seen.longTasks.length, "", 4, 0),
            figure("frame p99", percentile(seen.frames, 0.99), "ms", 50, 17),
          ],
          "presses under 16 ms are not told by the browser",
        );
      }),
  },
  {
    name: "answer",
    work: "an answer of 200 kB, 100 chunks/s",
    run: () =>
      withStage(async (stage) => {
        const chat = await stage.conversation("A long answer");
        const { page } = await stage.tab(`/c/${chat}`);
        await page.evaluate(() => window.seen.begin());
        await stage.ask(chat, cutUp(answerOf(200_000), 80), 100);
        await page
          .locator('article[data-role="assistant"][data-status="completed"]')
          .waitFor({ timeout: 90_000 });
        const seen = await page.evaluate(() => ({ ...window.seen, begin: undefined }));
        return of([
          figure("tasks over 50 ms", seen.longTasks.length, "", 4, 0),
          figure("the longest", most(seen.longTasks), "ms"),
          figure("frame p99", percentile(seen.frames, 0.99), "ms", 50, 17),
        ]);
      }),
  },
  {
    name: "scroll",
    work: "scrolling up through a chat of 10,000 messages, 150 px a frame, 1,200 frames",
    run: () =>
      withStage(async (stage) => {
        const chat = await stage.longConversation("Ten thousand", 10_000, answerOf(600));
        const { page } = await stage.tab(`/c/${chat}`);
        await page.locator("article[data-key]").first().waitFor();
        await page.locator(".md").first().waitFor();
        await page.waitForTimeout(1_000);
        await page.evaluate(() => window.seen.begin());
        const went = await page.evaluate(scrollUp, 1_200);
        const { frames } = await page.evaluate(() => ({ frames: window.seen.frames }));
        return of(
          [
            figure("frames over 50 ms", frames.filter((one) => one > 50).length, "", 0, 0),
            figure("the longest frame", most(frames), "ms", 50, 33),
            figure("frame p99", percentile(frames, 0.99), "ms"),
          ],
          `${went.messages} messages met`,
        );
      }),
  },
  {
    name: "list",
    work: "1,000 chats, the page opened again",
    run: () =>
      withStage(async (stage) => {
        for (let n = 0; n < 1_000; n += 1) await stage.conversation(`Chat number ${n}`);
        const { context, page } = await stage.tab("/");
        await page.locator("nav a[href^='/c/']").first().waitFor();
        await page.waitForTimeout(3_000);
        await context.addInitScript(markListed);
        const times: number[] = [];
        for (let n = 0; n < 5; n += 1) {
          await page.reload();
          // Without asking meanwhile: each question is a script in the page that is measured.
          await page.waitForTimeout(2_000);
          times.push((await page.evaluate(listed)).ms);
        }
        return of([figure("program there to list painted", median(times), "ms", 100, 50)], "median of 5");
      }),
  },
  {
    name: "switch",
    work: "switching between chats that are in the cache",
    run: () =>
      withStage(async (stage) => {
        const chats = await Promise.all(["First", "Second"].map((title) => stage.conversation(title)));
        for (const [n, chat] of chats.entries()) {
          for (let turn = 0; turn < 8; turn += 1) {
            await stage.ask(chat, [`Chat ${n}, turn ${turn}.\n\n${answerOf(2_000)}`]);
            await stage.idle();
          }
        }
        const { page } = await stage.tab(`/c/${chats[0]}`);
        for (const chat of chats) await page.locator(`nav a[href="/c/${chat}"]`).waitFor();
        const times: number[] = [];
        for (let n = 1; n <= 22; n += 1) {
          const to = n % 2;
          const took = await page.evaluate(switchTo, {
            href: `/c/${chats[to]}`,
            text: `Chat ${to}, turn 7.`,
          });
          if (n > 2) times.push(took);
          await page.waitForTimeout(300);
        }
        return of([
          figure("click to messages painted, median", median(times), "ms", 50, 33),
          figure("the longest of 20", most(times), "ms"),
        ]);
      }),
  },
];

await measure({ name: "web", conditions: "engine, model and Chromium without a graphics card", rows });
