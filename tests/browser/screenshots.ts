// Pictures of the main views, light and dark, of a desktop and a phone: docs/screenshots/. Run with `npm run screenshots`.
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContextOptions } from "playwright-core";
import { startEngine, type Engine } from "../system/support/engine.ts";
import { until } from "../system/support/process.ts";
import { Chat } from "./support/chat.ts";
import { Chromium } from "./support/chromium.ts";
import { startStoryteller, type Story } from "./support/storyteller.ts";

const folder = join(import.meta.dirname, "../../docs/screenshots");
const bytesMax = 200_000;

const debounce: Story = {
  question: "How do I debounce a function in TypeScript, and keep its types?",
  reasoning: "They want a debounce whose wrapper keeps the parameter types. A generic over the argument tuple does that without any casts. Mention cancel, since a component that unmounts needs it.",
  answer: `A debounced function waits until it has been left alone for a while, then runs once with the **last** arguments it was given. Let the arguments be a tuple, and nothing of the type is lost:

\`\`\`ts
export function debounce<Args extends readonly unknown[]>(
  run: (...args: Args) => void,
  waitMs: number,
) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const debounced = (...args: Args) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...args), waitMs);
  };
  return Object.assign(debounced, { cancel: () => clearTimeout(timer) });
}
\`\`\`

Which of the two you want depends on what the reader should feel:

| | runs | good for |
|---|---|---|
| debounce | after the last call | search as you type, saving a draft |
| throttle | at most every \`n\` ms | scrolling, dragging, progress |

Call \`cancel()\` when the component goes away, or the last call arrives after it has gone.`,
};

const harmonic: Story = {
  question: "Why does the harmonic series diverge when its terms go to zero?",
  answer: `Because the terms go to zero *too slowly*. Oresme's argument, from about 1350, groups them so that each group is worth at least one half:

$$\\sum_{k=1}^{\\infty} \\frac{1}{k} = 1 + \\frac12 + \\underbrace{\\frac13 + \\frac14}_{\\ge\\, \\frac12} + \\underbrace{\\frac15 + \\cdots + \\frac18}_{\\ge\\, \\frac12} + \\cdots$$

There is no end to the groups, so there is no bound on the sum. It grows like a logarithm, though:

$$H_n = \\ln n + \\gamma + O\\!\\left(\\frac1n\\right), \\qquad \\gamma \\approx 0.5772$$

So after a million terms it has only reached $H_{10^6} \\approx 14.39$.

> Terms that go to zero are *necessary* for a sum to converge. They are not *sufficient*.`,
};

const trip: Story = {
  question: "Plan three days in Lisbon for somebody who likes tiles and dislikes hills.",
  answer: `Lisbon has seven hills, so the trick is to ride **up** and walk **down**.

1. **Belém, flat along the river.** The monastery at opening time, then the tile panels at the fish market hall.
2. **The National Tile Museum.** Tram 728 stops at the door. Allow two hours: the great panorama of the city before the earthquake is 23 metres long.
3. **Alfama from above.** Take the 28 to Graça and walk down, past façades in blue, green and`,
  heldAt: 420,
};

const titles: [string, Story][] = [
  ["Rust lifetimes, slowly", { question: "Explain lifetimes in Rust slowly.", answer: "A lifetime is the part of a program in which a reference may be used." }],
  ["A name for the sailing club", { question: "Names for a sailing club?", answer: "*Leeward*, *Second Wind*, *The Even Keel*." }],
  ["Sourdough that does not rise", { question: "My sourdough does not rise.", answer: "Most often the starter is hungry, or the kitchen is cold." }],
  ["Index for a slow query", { question: "Which index does this query need?", answer: "One on `(owner, updated_at desc)`: it serves the filter and the order." }],
  ["Letter to the landlord", { question: "A letter about the heating.", answer: "Dear Ms Vance, the heating in the second room has not worked since Monday." }],
];

const stories = [...titles.map(([, story]) => story), trip, harmonic, debounce];
const storyteller = await startStoryteller(stories);
const engine = await startEngine({ model: storyteller.base });
const chromium = await Chromium.begin();

/** Asks as a person's other device would. */
async function tell(story: Story, fields: object = {}): Promise<string> {
  const conversation = await engine.conversation(fields);
  const { task_id } = await engine.post(conversation.id, story.question);
  await until("the answer", async () => {
    const task = await engine.task(task_id);
    return story.heldAt === undefined ? task.state === "succeeded" : task.chunk_count >= Math.floor(story.heldAt / 24);
  });
  return conversation.id;
}

const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 800 } };

type View = (chat: Chat) => Promise<void>;

async function take(name: string, path: string, arrange: View, options: BrowserContextOptions): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    const context = await chromium.browser.newContext({ ...options, colorScheme, reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC" });
    const page = await context.newPage();
    await page.goto(engine.url + path);
    const chat = new Chat(page);
    await arrange(chat);
    await page.evaluate(() => document.fonts.ready.then(() => undefined));
    const file = join(folder, `${name}-${colorScheme}.png`);
    await page.screenshot({ path: file, animations: "disabled", caret: "hide" });
    const { size } = statSync(file);
    console.log(`${file.slice(folder.length + 1)}: ${Math.round(size / 1000)} kB`);
    if (size > bytesMax) throw new Error(`${file} has ${size} bytes, over ${bytesMax}`);
    await context.close();
  }
}

async function takeAll(ids: { code: string; maths: string; running: string }): Promise<void> {
  const answered: View = async (chat) => {
    await chat.ready();
    await chat.waitForStatus("completed");
    await chat.settled();
    await chat.page.locator("main :is(table, ol, .katex)").first().waitFor();
    await chat.page.waitForFunction(() =>
      [...document.querySelectorAll("main .md-code code")].every((code) => code.querySelector("[class^=hljs]") !== null),
    );
  };
  const running: View = async (chat) => {
    await chat.ready();
    await chat.page.locator('article[data-role="user"]').first().waitFor();
    await until("the text", async () => (await chat.shown()).includes("and"));
    await chat.settled();
    await chat.page.locator("main :is(table, ol, .katex)").first().waitFor();
  };
  await take("conversation", `/c/${ids.code}`, answered, desktop);
  await take("mathematics", `/c/${ids.maths}`, answered, desktop);
  await take("new-chat", "/", (chat) => chat.ready(), desktop);
  await take("palette", `/c/${ids.maths}`, async (chat) => {
    await answered(chat);
    await chat.openPalette();
  }, desktop);
  await take("settings", "/settings", async (chat) => {
    await chat.page.locator("nav a[href^='/c/']").first().waitFor();
    await chat.settled();
  }, desktop);
  await take("phone-conversation", `/c/${ids.maths}`, answered, phone);
  await take("phone-streaming", `/c/${ids.running}`, running, phone);
  await take("phone-list", "/", async (chat) => {
    await chat.ready();
    await chat.openDrawer();
  }, phone);
}

async function finish(running: Engine): Promise<void> {
  await chromium.dispose();
  await running.dispose();
  storyteller.stop();
}

try {
  mkdirSync(folder, { recursive: true });
  for (const [title, story] of titles) await tell(story, { title });
  const running = await tell(trip, { title: "Three days in Lisbon" });
  const maths = await tell(harmonic, { title: "Why the harmonic series diverges" });
  const code = await tell(debounce, { title: "Debounce with types" });
  await takeAll({ code, maths, running });
} finally {
  await finish(engine);
}
