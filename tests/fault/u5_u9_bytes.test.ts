// U5, U6, U7, U9: what a model says is not what it should be. Each body is sent whole, byte by byte, and (in the long form) in two
// pieces at every place; HTTP chunks keep the pieces apart on their way to the parser.
import { expect } from "vitest";
import { type Engine, startEngine } from "../system/support/engine.ts";
import { slowness, until } from "../system/support/process.ts";
import { databaseOf } from "./support/database.ts";
import { memoryOf } from "./support/process_facts.ts";
import { delta, finish, frame, type Script } from "./support/raw_model.ts";
import { Recorder } from "./support/recorder.ts";
import { isLong, row, type Tally } from "./support/rows.ts";
import { outcome, type Outcome, type Stand, useStand } from "./support/stand.ts";

const stand = useStand({ args: ["--failures-max", "1"] });

const done = "data: [DONE]\n\n";
const end = finish() + done;
const good = delta("Grüße, ") + delta("Welt 😀") + end;
const text = "Grüße, Welt 😀";

interface Expected {
  text: string;
  /** Of the error; undefined: the answer is complete. */
  code?: string;
}
type Case = [name: string, body: string | Uint8Array, expected: Expected];

/** Sends the body in pieces of which each is a chunk of its own. */
function inPieces(body: Uint8Array, at: "whole" | "bytes" | number, expected: Expected): Script {
  return async (to) => {
    await to.head();
    to.says(expected.text);
    if (at === "whole") await to.chunk(body);
    else if (at === "bytes") {
      const all: Buffer[] = [];
      for (const byte of body) all.push(Buffer.from("1\r\n"), Buffer.from([byte]), Buffer.from("\r\n"));
      await to.bytes(Buffer.concat(all));
    } else {
      await to.chunk(body.subarray(0, at));
      await to.chunk(body.subarray(at));
    }
    await to.end();
  };
}

async function tryAll(of: Stand, cases: Case[], tally: Tally): Promise<void> {
  const recorder = of.recorder();
  const jobs: { name: string; body: Uint8Array; at: "whole" | "bytes" | number; expected: Expected }[] = [];
  for (const [name, body, expected] of cases) {
    const bytes = Buffer.from(body as string);
    jobs.push({ name, body: bytes, at: "whole", expected });
    if (bytes.length > 100_000) continue;
    jobs.push({ name, body: bytes, at: "bytes", expected });
    if (isLong) for (let at = 1; at < bytes.length; at++) jobs.push({ name, body: bytes, at, expected });
  }
  await Promise.all(Array.from({ length: 8 }, async (_, reader) => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const { name, body, at, expected } = job;
      const seen = await of.ask(recorder, inPieces(body, at, expected), `reader ${reader}`);
      const problem = difference(seen, expected);
      if (problem) tally.violations.push(`${name}, ${at === "whole" || at === "bytes" ? at : `cut at ${at}`}: ${problem}`);
      tally.answers++;
      tally.faults++;
    }
  }));
  tally.repetitions += cases.length;
  await of.judge(recorder, tally, "at the end");
  // Judging takes so long that the server has closed this process's idle connections meanwhile.
  const health = await until("an answer", () => of.engine.call("GET", "/healthz").catch(() => undefined));
  expect(health.status).toBe(200);
}

function difference(seen: Outcome, expected: Expected): string | undefined {
  if (seen.message.content !== expected.text) return `the text is ${JSON.stringify(seen.message.content.slice(0, 100))}`;
  if (expected.code === undefined) return seen.end.type === "done" ? undefined : `it ended as ${JSON.stringify(seen.message.error)}`;
  if (seen.end.type !== "error") return `it ended as ${seen.end.status}`;
  return seen.message.error?.code === expected.code ? undefined : `the error is ${JSON.stringify(seen.message.error)}`;
}

const truncated = "provider_truncated";
const unreadable = "provider_bad_response";
const reported = "provider_error";

row("U5", "an event stream that is written oddly, or is none", { quick: 1, long: 1 }, async (_, __, tally) => {
  const memory = memoryOf(stand.engine.pid);
  await tryAll(stand, [
    ["LF", good, { text }],
    ["CRLF", good.replaceAll("\n", "\r\n"), { text }],
    ["CR", good.replaceAll("\n", "\r"), { text }],
    ["line ends mixed", good.split("\n\n").map((line, n) => line + ["\n\r\n", "\r\r", "\r\n\n", "\n\r"][n % 4]).join(""), { text }],
    ["a byte order mark", "\uFEFF" + good, { text }],
    ["no blank line at the end", (delta("Grüße, ") + delta("Welt 😀") + finish()).trimEnd(), { text }],
    ["no line end at the end", good.trimEnd(), { text }],
    ["comments", ": ping\n\n" + delta("Grüße, ") + ": OPENROUTER PROCESSING\n" + delta("Welt 😀") + ":\n:\n\n" + end, { text }],
    ["empty data", "data:\n\ndata: \n\n" + good + "data:\n\n", { text }],
    ["no space after the colon", good.replaceAll("data: ", "data:"), { text }],
    ["fields nobody knows", "id: 7\nretry: 10\nhello\nwhat: ever\n" + good, { text }],
    ["an event name", good.replaceAll("data: {", "event: chunk\ndata: {"), { text }],
    ["JSON over two data lines", good.replaceAll('"choices":', '\ndata: "choices":'), { text }],
    ["several choices", frame({ choices: [{ index: 1, delta: { content: "not me" } }, { index: 0, delta: { content: text } }] }) + end, { text }],
    ["choices that are none", frame({ choices: [] }) + frame({ choices: null }) + frame({}) + good, { text }],
    ["comments only", ": ping\n\n".repeat(20), { text: "", code: truncated }],
    ["nothing", "\n\n", { text: "", code: truncated }],
    ["half an event at the end", delta("Grüße, ") + "data: {\"choices\":[{\"delta\":{\"cont", { text: "Grüße, ", code: truncated }],
    ["bad JSON", delta("Grüße, ") + "data: {\"choices\":[{\"delta\":{\"cont\n\n" + end, { text: "Grüße, ", code: unreadable }],
    ["JSON that is no object", delta("Grüße, ") + "data: [1,2,3]\n\n" + end, { text: "Grüße, ", code: unreadable }],
    ["JSON without end", "data: " + '{"a":'.repeat(2000) + "\n\n", { text: "", code: unreadable }],
    ["a bare error field", delta("Grüße, ") + "error: out of memory\n\n", { text: "Grüße, ", code: reported }],
    ["a bare line of JSON with an error", delta("Grüße, ") + '{"error":{"message":"out of memory"}}\n\n', { text: "Grüße, ", code: reported }],
    ["a line of 10 MB", delta("Grüße, ") + "data: " + "x".repeat(10_000_000), { text: "Grüße, ", code: unreadable }],
    ["10 MB in data lines", delta("Grüße, ") + `data: ${"x".repeat(1000)}\n`.repeat(10_000) + "\n", { text: "Grüße, ", code: unreadable }],
    ["a comment of 10 MB", `: ${"x".repeat(10_000_000)}\n\n` + good, { text: "", code: unreadable }],
  ], tally);
  const grown = memoryOf(stand.engine.pid) - memory;
  tally.remarks.push(`memory grew by ${Math.round(grown / 1048576)} MiB`);
  if (slowness === 1) expect(grown).toBeLessThan(100 * 1048576);
});

row("U6", "an end that is missing, doubled or overtaken", { quick: 1, long: 1 }, async (_, __, tally) => {
  await tryAll(stand, [
    ["no finish reason and no [DONE]", delta("half of "), { text: "half of ", code: truncated }],
    ["[DONE] without a finish reason", delta("half of ") + done, { text: "half of ", code: truncated }],
    ["a finish reason and no [DONE]", delta("whole") + finish(), { text: "whole" }],
    ["[DONE] twice", delta("whole") + end + done, { text: "whole" }],
    ["content after [DONE]", delta("whole") + end + delta(" and more") + done, { text: "whole" }],
    ["usage after the finish reason", delta("whole") + finish() + frame({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } }) + done, { text: "whole" }],
    ["a finish reason together with the text", frame({ choices: [{ delta: { content: "whole" }, finish_reason: "stop" }] }) + done, { text: "whole" }],
    ["a finish reason nobody knows", delta("whole") + finish("eos") + done, { text: "whole" }],
    ["an empty finish reason", delta("half of ") + finish("") + done, { text: "half of ", code: truncated }],
    ["a finish reason that says it gave up", delta("half of ") + finish("abort") + done, { text: "half of ", code: truncated }],
  ], tally);
  // The whole text and a connection that stays open: done, soon, and the connection is closed.
  const recorder = stand.recorder();
  const open = await stand.ask(recorder, async (to) => {
    await to.head();
    await to.text("whole");
    await to.finish();
    await to.gone();
  });
  expect(open).toMatchObject({ text: "whole", end: { type: "done" } });
  // The same under a length that never comes.
  const short = await stand.ask(recorder, async (to) => {
    await to.head({ "Transfer-Encoding": "", "Content-Length": "100000" });
    to.says("half of ");
    await to.bytes(delta("half of "));
    to.close();
  });
  expect(short.message).toMatchObject({ content: "half of ", status: "error", error: { code: truncated } });
  tally.answers += 2;
});

row("U7", "an error in the middle of a response ends the answer with the text so far", { quick: 1, long: 1 }, async (_, __, tally) => {
  const error = (message: string, more: object = {}) => ({ error: { message, ...more } });
  await tryAll(stand, [
    ["as data", delta("so far") + frame(error("boom")) + end, { text: "so far", code: reported }],
    ["as an event", delta("so far") + "event: error\n" + frame({ message: "boom" }) + end, { text: "so far", code: reported }],
    ["as an event that is no JSON", delta("so far") + "event: error\ndata: boom\n\n" + end, { text: "so far", code: reported }],
    ["as a text", delta("so far") + frame({ error: "boom" }) + end, { text: "so far", code: reported }],
    ["overloaded", delta("so far") + frame(error("Overloaded", { type: "overloaded_error" })), { text: "so far", code: "provider_unavailable" }],
    ["a rate limit", delta("so far") + frame(error("slow down", { code: "rate_limit_exceeded" })), { text: "so far", code: "provider_rate_limited" }],
    ["a refused key", delta("so far") + frame(error("no", { type: "authentication_error" })), { text: "so far", code: "provider_unauthorized" }],
    ["before any text", frame(error("boom")), { text: "", code: reported }],
    ["as a finish reason", delta("so far") + finish("error"), { text: "so far", code: reported }],
    ["an error that is none", frame({ error: null, choices: [{ delta: { content: "whole" } }] }) + end, { text: "whole" }],
  ], tally);
});

/** JSON with these bytes inside of its string. */
function rawDelta(...bytes: (string | number)[]): Buffer {
  const parts = bytes.map((one) => (typeof one === "number" ? Buffer.from([one]) : Buffer.from(one)));
  return Buffer.concat([Buffer.from('data: {"choices":[{"index":0,"delta":{"content":"'), ...parts, Buffer.from('"}}]}\n\n')]);
}

row("U9", "bytes and characters that break less careful programs", { quick: 1, long: 1 }, async (_, __, tally) => {
  const last = Buffer.from(end);
  const with_ = (...deltas: Buffer[]) => Buffer.concat([...deltas, last]);
  const replacement = (...bytes: number[]) => new TextDecoder().decode(Uint8Array.from(bytes));
  await tryAll(stand, [
    ["invalid UTF-8", with_(rawDelta("a", 0xff, "b", 0xc3, 0x28, 0xed, 0xa0, 0x80, "c")), { text: `a${replacement(0xff)}b${replacement(0xc3)}(${replacement(0xed, 0xa0, 0x80)}c` }],
    ["an overlong form", with_(rawDelta(0xc0, 0xaf, 0xe0, 0x80, 0xaf)), { text: replacement(0xc0, 0xaf, 0xe0, 0x80, 0xaf) }],
    ["a sequence cut off", with_(rawDelta("a", 0xf0, 0x9f, 0x98)), { text: `a${replacement(0xf0, 0x9f, 0x98)}` }],
    ["UTF-8 split over deltas", with_(rawDelta("a", 0xf0, 0x9f), rawDelta(0x98, 0x80, "b")), { text: `a${replacement(0xf0, 0x9f)}${replacement(0x98, 0x80)}b` }],
    ["a surrogate pair as escapes", with_(rawDelta("\\ud83d\\ude00")), { text: "😀" }],
    ["a surrogate pair split over deltas", with_(rawDelta("\\ud83d"), rawDelta("\\ude00")), { text: "\uFFFD\uFFFD" }],
    ["lone surrogates", with_(rawDelta("a\\ud800b\\udc00c")), { text: "a\uFFFDb\uFFFDc" }],
    // No database keeps a NUL in a text.
    ["NUL", with_(rawDelta("a\\u0000b")), { text: "a\uFFFDb" }],
    ["line separators", with_(rawDelta("a\\u2028b\u2029c")), { text: "a\u2028b\u2029c" }],
    ["lone CR, LF, CRLF and blank lines", with_(rawDelta("a\\rb\\nc\\r\\nd\\n\\ne")), { text: "a\rb\nc\r\nd\n\ne" }],
    ["text that looks like events", with_(rawDelta("\\n\\ndata: x\\n\\nid: 9-9\\nevent: done\\n\\n: ")), { text: "\n\ndata: x\n\nid: 9-9\nevent: done\n\n: " }],
    ["C1 controls and DEL", with_(rawDelta("a\u0085b\u007fc\\u009f")), { text: "a\u0085b\u007fc\u009f" }],
    ["a byte order mark inside", with_(rawDelta("a\uFEFFb")), { text: "a\uFEFFb" }],
    ["combining marks and right to left", with_(rawDelta("e\u0301\u200F\u05D0"), rawDelta("\u0301\u200D")), { text: "e\u0301\u200F\u05D0\u0301\u200D" }],
    ["an empty text", with_(rawDelta(""), rawDelta("a"), rawDelta("")), { text: "a" }],
  ], tally);
});

row("U7", "Anthropic's protocol: errors, truncation and overload are told apart", { quick: 1, long: 1 }, async (_, __, tally) => {
  const root = stand.model.base.replace(/\/v1$/, "");
  const engine: Engine = await startEngine({
    env: { ANTHROPIC_API_KEY: "none", ANTHROPIC_BASE_URL: root, ANTHROPIC_MODEL: "claude" }, args: ["--failures-max", "1"],
  });
  try {
    const recorder = new Recorder(() => engine.somewhere(), stand.model);
    const event = (type: string, more: object = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
    const begin = event("message_start", { message: { id: "m", role: "assistant", content: [], usage: { input_tokens: 1, output_tokens: 0 } } }) +
      event("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
    const say = (what: string) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text: what } });
    const stop = event("content_block_stop", { index: 0 }) + event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 5 } });
    const cases: Case[] = [
      ["whole", begin + say("so far") + event("ping") + stop + event("message_stop"), { text: "so far" }],
      ["overloaded", begin + say("so far") + event("error", { error: { type: "overloaded_error", message: "Overloaded" } }), { text: "so far", code: "provider_unavailable" }],
      ["an error of its API", begin + say("so far") + event("error", { error: { type: "api_error", message: "boom" } }), { text: "so far", code: reported }],
      ["no stop at all", begin + say("so far"), { text: "so far", code: truncated }],
      ["a stop without a reason", begin + say("so far") + event("content_block_stop", { index: 0 }) + event("message_stop"), { text: "so far", code: truncated }],
      ["the reason and no message_stop", begin + say("so far") + stop, { text: "so far", code: truncated }],
    ];
    for (const [name, body, expected] of cases) {
      for (const at of ["whole", "bytes"] as const) {
        const scriptName = `anthropic ${name} ${at}`;
        stand.model.script(scriptName, inPieces(Buffer.from(body as string), at, expected));
        const posted = await recorder.post("reader", { script: scriptName } as object);
        await recorder.follow("reader", posted.task);
        const seen = await outcome(engine, recorder, posted, []);
        const problem = difference(seen, expected);
        if (problem) tally.violations.push(`${name}, ${at}: ${problem}`);
        tally.answers++;
        tally.faults++;
      }
      tally.repetitions++;
    }
    recorder.healed();
    tally.blame(await recorder.verdict(databaseOf(engine)), "at the end");
  } finally {
    await engine.dispose();
  }
});
