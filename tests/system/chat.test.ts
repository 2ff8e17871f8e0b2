// The chat of the terminal: in a pipe, where another program reads it, and in a real terminal, where a person does.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Engine, type Message, startEngine } from "./support/engine.ts";
import { freshKey, Model, wish } from "./support/model.ts";
import { binary, cleanEnvironment, type Running, start, until } from "./support/process.ts";
import { ctrlC, ctrlD, isAlive, Terminal } from "./support/terminal.ts";

const dim = "\x1b[2m";
const normal = "\x1b[0m";

let home: string;
let modelProcess: Running;
let model: Model;
let engine: Engine;
const terminals: Terminal[] = [];
const piped: ChildProcess[] = [];
/** Of every process that a test of this file started. */
const pids = new Set<number>();

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "throughline-chat-"));
  modelProcess = start(["mock-model", "--listen", "127.0.0.1:0"]);
  pids.add(modelProcess.pid);
  model = new Model((await modelProcess.waitFor(/listening on (http:\/\/\S+)/))[1]!, modelProcess);
  engine = await startEngine({ model: model.base, args: ["--failures-max", "2"] });
  pids.add(engine.pid);
});

afterEach(async () => {
  resumeModel();
  engine.running.child.kill("SIGCONT");
  for (const chat of piped.splice(0)) {
    chat.kill("SIGKILL");
    await until("its end", () => chat.exitCode !== null || chat.signalCode !== null);
  }
  for (const terminal of terminals.splice(0)) await terminal.close();
  const active = await engine.expect(200, "GET", "/active-streams");
  for (const one of active.data) await engine.call("POST", `/tasks/${one.task_id}/cancel`);
});

afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
  rmSync(home, { recursive: true, force: true });
  await until("the end of every process that was started here", () => [...pids].every((pid) => !isAlive(pid)));
});

/** The model says nothing more until `resumeModel`: what is being written cannot end meanwhile. */
function pauseModel(): void {
  modelProcess.child.kill("SIGSTOP");
}
function resumeModel(): void {
  modelProcess.child.kill("SIGCONT");
}

interface Outcome {
  status: number | string;
  stdout: string;
  stderr: string;
}

/** A chat that reads a pipe. */
function spawnChat(args: string[], env: Record<string, string> = {}) {
  const child = spawn(binary, ["chat", ...args], {
    cwd: home,
    env: cleanEnvironment({ HOME: home, ...env }),
    stdio: ["pipe", "pipe", "pipe"],
  });
  pids.add(child.pid!);
  piped.push(child);
  return child;
}

/** Its outcome, asked the whole of `input`. */
async function pipe(input: string, args: string[] = [], env: Record<string, string> = {}): Promise<Outcome> {
  const child = spawnChat([...(args.includes("--url") ? [] : ["--url", engine.url]), ...args], env);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => out.push(piece));
  child.stderr.on("data", (piece: Buffer) => err.push(piece));
  child.stdin.end(input);
  const [code, signal] = await once(child, "close");
  return {
    status: (signal as string | null) ?? (code as number),
    stdout: Buffer.concat(out).toString(),
    stderr: Buffer.concat(err).toString(),
  };
}

async function openChat(args: string[] = [], env: Record<string, string> = {}): Promise<Terminal> {
  const terminal = new Terminal(["chat", "--url", engine.url, ...args], { cwd: home, env: { HOME: home, ...env } });
  terminals.push(terminal);
  pids.add(terminal.pid);
  pids.add(await terminal.program());
  return terminal;
}

/** A chat at its first prompt. */
async function promptedChat(env: Record<string, string> = {}): Promise<Terminal> {
  const terminal = await openChat([], env);
  expect(await terminal.waitFor("\n> ")).toContain(`Throughline at ${engine.url}, model `);
  return terminal;
}

/** Types a question, and waits until the chat has it. */
async function askIn(terminal: Terminal, question: string): Promise<void> {
  terminal.type(`${question}\n`);
  await terminal.waitFor(`${question}\n\n`);
}

/** The one answer that is being written, when it has so many chunks. */
async function runningTask(chunks = 1): Promise<{ task_id: string; message_id: string; conversation_id: string }> {
  return until("one running answer with text", async () => {
    const active = await engine.expect(200, "GET", "/active-streams");
    if (active.data.length !== 1) return false;
    const task = await engine.task(active.data[0].task_id);
    return task.chunk_count >= chunks && task;
  });
}

async function messages(conversation: string): Promise<Message[]> {
  return (await engine.expect(200, "GET", `/conversations/${conversation}/messages`)).data;
}

describe("in a pipe", () => {
  const hard = 'Häuser "q" \\ \u2028 \u{1F600}\t\x1b[1m\r\n\n data: x é';

  test.each([
    ["a text without a last line end gets one", hard, `${hard}\n`, {}],
    ["a text with a last line end gets none", `${hard}\n`, `${hard}\n`, {}],
    ["NO_COLOR changes nothing", hard, `${hard}\n`, { NO_COLOR: "1" }],
  ])("the answer's bytes are printed and nothing else: %s", async (_, text, printed, env) => {
    const key = freshKey();
    const { status, stdout, stderr } = await pipe(wish({ key, text, pace_ms: 5, reasoning: 5 }), [], env);
    const sent = await model.last(key);
    expect(sent.sent_text).toBe(text);
    expect(sent.sent_reasoning).not.toBe("");
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: printed, stderr: "" });
  });

  test("all of the input is one question", async () => {
    const key = freshKey();
    const question = `${wish({ key, tokens: 200, pace_ms: 0 })}\nand a second line\n\nand a third \\\n`;
    const { status, stdout } = await pipe(question);
    const sent = await model.last(key);
    expect(sent.messages).toEqual([{ role: "user", content: question.trim() }]);
    expect(stdout).toBe(`${sent.sent_text}\n`);
    expect(status).toBe(0);
  });

  test("--conversation goes on with what was said", async () => {
    const conversation = await engine.conversation();
    const args = ["--conversation", conversation.id];
    const key = freshKey();
    expect((await pipe(wish({ tokens: 3 }), args)).status).toBe(0);
    expect((await pipe(wish({ key, tokens: 3 }), args)).status).toBe(0);
    expect((await model.last(key)).messages.map((one) => one.role)).toEqual(["user", "assistant", "user"]);
  });

  test.each([
    ["that the model refuses", { status: 400 }, /^throughline: the answer failed: [^\n]*400[^\n]*\n$/],
    ["that breaks off", { tokens: 20, cut_after_tokens: 7 }, /^throughline: the answer failed: [^\n]+\(asking again may help\)\n$/],
  ])("an answer %s: what there is of it, one sentence, and status 1", async (_, what, says) => {
    const key = freshKey();
    const { status, stdout, stderr } = await pipe(wish({ key, pace_ms: 2, ...what }));
    const text = (await model.last(key)).sent_text;
    expect(stdout).toBe(text === "" ? "" : `${text}\n`);
    expect(stderr).toMatch(says);
    expect(status).toBe(1);
  });

  test("a conversation that does not exist: one sentence, and status 1", async () => {
    const { status, stdout, stderr } = await pipe("hi", ["--conversation", "01900000-0000-7000-8000-000000000000"]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/^throughline: [^\n]+\n$/);
  });

  test("Ctrl-C while the question is still being written asks nothing", async () => {
    const before = (await model.requests()).length;
    const child = spawnChat(["--url", engine.url]);
    const ended = once(child, "close");
    // Longer than a pipe: it is written when most of it is read.
    await new Promise((written) => child.stdin.write("half a question ".repeat(20_000), written));
    child.kill("SIGINT");
    expect((await ended)[0]).toBe(130);
    expect((await model.requests()).length).toBe(before);
  });

  test("the server is killed in the middle: the text is printed whole, and once", async () => {
    const key = freshKey();
    const chat = pipe(wish({ key, tokens: 400, pace_ms: 10, reasoning: 3 }));
    const { task_id } = await runningTask(10);
    pauseModel();
    engine = await engine.restart("SIGKILL");
    pids.add(engine.pid);
    resumeModel();
    const { status, stdout, stderr } = await chat;
    expect((await engine.task(task_id)).attempt).toBeGreaterThan(1);
    expect((await model.last(key)).sent_text).toMatch(/^0:.* 399:\S+$/);
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: `${(await model.last(key)).sent_text}\n`,
      stderr: "",
    });
  });
});

describe("without a server", () => {
  test("the command that starts one is named, and it is the right one", async () => {
    const socket = createServer().listen(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address() as AddressInfo;
    socket.close();
    await once(socket, "close");
    const url = `http://127.0.0.1:${port}`;
    const data = join(home, "new folder");
    const args = ["--url", url, "--data-dir", data];
    const { status, stdout, stderr } = await pipe("hello", args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(`no server answers at ${url} (`);
    const command = stderr.match(/\nStart one in another terminal:\n\n {2}throughline (serve .+)\n/)![1]!;
    expect(command).toBe(`serve --listen 127.0.0.1:${port} --data-dir '${data}'`);
    const server = start(command.split(" --data-dir ")[0]!.split(" ").concat("--data-dir", data), { cwd: home });
    pids.add(server.pid);
    await server.waitFor(/ready at/);
    const again = await pipe("hello", args);
    expect(again).toMatchObject({ status: 0, stderr: "" });
    expect(again.stdout).toContain("hello");
    await server.end("SIGKILL");
  });
});

describe("in a terminal", () => {
  test("an answer is shown while it is written, its reasoning dimmed, and the prompt comes back", async () => {
    const chat = await promptedChat();
    const key = freshKey();
    await askIn(chat, wish({ key, tokens: 200, pace_ms: 20, reasoning: 4 }));
    const beginning = await chat.waitFor(/ 3:\S+ 4:/);
    pauseModel();
    const { task_id, conversation_id } = await runningTask();
    expect((await engine.task(task_id)).status).toBe("generating");
    expect(chat.output()).not.toContain(" 199:");
    resumeModel();
    const shown = beginning + (await chat.waitFor("\n\n> "));
    const sent = await model.last(key);
    expect(shown).toBe(`${dim}${sent.sent_reasoning}${normal}\n\n${sent.sent_text}\n\n> `);
    chat.type(ctrlD);
    expect(await chat.waitFor(/To go on: .*\n/)).toBe(`\nTo go on: throughline chat --conversation ${conversation_id}\n`);
    expect(await chat.ended).toBe(0);
  });

  test("NO_COLOR: reasoning is named instead, and nothing is escaped", async () => {
    const chat = await promptedChat({ NO_COLOR: "1" });
    const key = freshKey();
    await askIn(chat, wish({ key, tokens: 6, reasoning: 4 }));
    const shown = await chat.waitFor("\n\n> ");
    const sent = await model.last(key);
    expect(shown).toBe(`(thinking) ${sent.sent_reasoning}\n\n${sent.sent_text}\n\n> `);
    expect(chat.output()).not.toContain("\x1b");
  });

  test("what the model writes cannot speak to the terminal", async () => {
    const chat = await promptedChat();
    await askIn(chat, wish({ text: "a\x1b]0;title\x07b\x1b[31m c\n", pace_ms: 0 }));
    expect(await chat.waitFor("\n\n> ")).toBe("a]0;titleb[31m c\n\n> ");
  });

  test("Ctrl-C stops the answer, keeps its text, and the conversation goes on; at the prompt it leaves", async () => {
    const chat = await promptedChat();
    const key = freshKey();
    await askIn(chat, wish({ key, tokens: 50, pace_ms: 0, stall_after: 8 }));
    const text = (await until("the model's silence", async () => {
      const all = await model.requests(key);
      return / 7:/.test(all[0]?.sent_text ?? "") && all[0];
    })).sent_text;
    expect(await chat.waitFor(text)).toBe(text);
    const task = await runningTask();
    chat.type(ctrlC);
    expect((await chat.waitFor("\n\n> ")).replace("^C", "")).toBe(`\n${dim}[stopped]${normal}\n\n> `);
    expect(await engine.task(task.task_id)).toMatchObject({ state: "cancelled", status: "cancelled" });
    const kept = await engine.message(task.conversation_id, task.message_id);
    expect(kept).toMatchObject({ status: "cancelled", content: text });
    await askIn(chat, wish({ text: "once more", pace_ms: 0 }));
    expect(await chat.waitFor("\n\n> ")).toBe("once more\n\n> ");
    expect((await messages(task.conversation_id)).map((one) => one.status)).toEqual([
      "completed", "cancelled", "completed", "completed",
    ]);
    chat.type(ctrlC);
    await chat.waitFor(`To go on: throughline chat --conversation ${task.conversation_id}\n`);
    expect(await chat.ended).toBe(0);
  });

  test("Ctrl-C while the server does not take the question gives the prompt back", async () => {
    const chat = await promptedChat();
    await askIn(chat, wish({ text: "first", pace_ms: 0 }));
    await chat.waitFor("first\n\n> ");
    engine.running.child.kill("SIGSTOP");
    await askIn(chat, "Are you there?");
    chat.type(ctrlC);
    expect(await chat.waitFor("\n\n> ")).toMatch(/if the question arrived, it is answered: throughline chat --resume\n\n> $/);
    engine.running.child.kill("SIGCONT");
    const key = freshKey();
    await askIn(chat, wish({ key, tokens: 4, pace_ms: 0 }));
    expect(await chat.waitFor("\n\n> ")).toBe(`${(await model.last(key)).sent_text}\n\n> `);
  });

  test("Ctrl-C again and again leaves a server that does not answer", async () => {
    const chat = await promptedChat();
    await askIn(chat, wish({ tokens: 50, pace_ms: 0, stall_after: 8 }));
    await chat.waitFor(" 7:");
    engine.running.child.kill("SIGSTOP");
    let status: number | string | undefined;
    void chat.ended.then((how) => (status = how));
    await until("the end of the chat", () => {
      chat.type(ctrlC);
      return status !== undefined;
    });
    expect(status).toBe(130);
    expect(chat.unread()).toContain("throughline chat --resume");
  });

  test("--resume shows what is being written from its start to its end, and chats on", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 400, pace_ms: 10, reasoning: 3 }));
    await runningTask(6);
    pauseModel();
    const chat = await openChat(["--resume"]);
    const beginning = await chat.waitFor(/ 1:/);
    expect((await engine.task(posted.task_id)).status).toBe("generating");
    resumeModel();
    const shown = beginning + (await chat.waitFor(/ 399:\S+\n/));
    const sent = await model.last(key);
    expect(shown).toBe(`${dim}${sent.sent_reasoning}${normal}\n\n${sent.sent_text}\n`);
    await chat.waitFor("\n> ");
    await askIn(chat, wish({ text: "once more", pace_ms: 0 }));
    expect(await chat.waitFor("\n\n> ")).toBe("once more\n\n> ");
    expect((await messages(posted.conversation_id)).length).toBe(4);
  });

  test("--resume asks which one if several are being written", async () => {
    const keys = [freshKey(), freshKey(), freshKey()];
    const asked = [];
    for (const key of keys) {
      asked.push(await engine.ask(wish({ key, tokens: 50, pace_ms: 0, stall_after: 8 })));
      await until("the model's silence", async () => / 7:/.test((await model.requests(key))[0]?.sent_text ?? ""));
    }
    const chat = await openChat(["--resume"]);
    const list = await chat.waitFor("Which one? [1] ");
    expect(list.match(/^ {2}\d {2}\S+Z? {2}\S.*$/gm)?.length).toBe(3);
    chat.type("4\n");
    await chat.waitFor("Which one? [1] ");
    chat.type("3\n");
    const text = (await model.last(keys[0]!)).sent_text;
    expect(await chat.waitFor(text)).toBe(`3\n${text}`);
    chat.type(ctrlC);
    await chat.waitFor("\n\n> ");
    const states = await Promise.all(asked.map(async (one) => (await engine.task(one.task_id)).state));
    expect(states).toEqual(["cancelled", "running", "running"]);
  });

  test("a model that fails and is asked again: one calm line, no word of void text where none stands", async () => {
    const chat = await promptedChat();
    const key = freshKey();
    await askIn(chat, wish({ key, status: 503, fail_times: 1, tokens: 6 }));
    const shown = await chat.waitFor("\n\n> ");
    const sent = await model.last(key);
    expect(shown).toBe(`${dim}[the answer begins again: the model failed]${normal}\n${sent.sent_text}\n\n> `);
  });

  test("an answer that breaks off each time says so below what there is, and the prompt comes back", async () => {
    const chat = await promptedChat();
    const key = freshKey();
    await askIn(chat, wish({ key, tokens: 20, cut_after_tokens: 7, pace_ms: 2 }));
    const shown = await chat.waitFor("\n\n> ");
    const requests = await model.requests(key);
    expect(requests.length).toBe(2);
    const restart = `${dim}[what stands above is void, the answer begins again: the model failed]${normal}`;
    const text = requests[0]!.sent_text;
    expect(shown.startsWith(`${text}\n${restart}\n${text}\nthroughline: the answer failed: `)).toBe(true);
  });

  test("the server is killed in the middle: a calm line, then the whole text", async () => {
    const chat = await promptedChat();
    const key = freshKey();
    await askIn(chat, wish({ key, tokens: 400, pace_ms: 10 }));
    const beginning = await chat.waitFor(/ 3:\S+ 4:/);
    pauseModel();
    engine = await engine.restart("SIGKILL");
    pids.add(engine.pid);
    resumeModel();
    const shown = beginning + (await chat.waitFor("\n\n> "));
    const line = `\n${dim}[what stands above is void, the answer begins again: the process that wrote it died]${normal}\n`;
    const [above, below] = shown.split(line);
    const text = (await model.last(key)).sent_text;
    // Said once if the server is away for longer than a moment.
    const seen = above!.replace(`\n${dim}[the server is away, trying again]${normal}`, "");
    expect(seen).toBe(text.slice(0, seen.length));
    expect(below).toBe(`${text}\n\n> `);
  });

  test("who closes the terminal ends the chat and not the answer", async () => {
    const chat = await promptedChat();
    const key = freshKey();
    await askIn(chat, wish({ key, tokens: 100, pace_ms: 10 }));
    await chat.waitFor(/ 3:\S+ 4:/);
    pauseModel();
    const { task_id, conversation_id, message_id } = await runningTask();
    const program = await chat.program();
    await chat.close();
    await until("the end of the chat", () => !isAlive(program));
    expect((await engine.task(task_id)).status).toBe("generating");
    resumeModel();
    await until("the end of the answer", async () => (await engine.task(task_id)).state === "succeeded");
    const { content } = await engine.message(conversation_id, message_id);
    expect(content).toBe((await model.last(key)).sent_text);
  });
});
