// The command line: what a person reads before the first answer, and what keeps him from a mistake.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEngine } from "./support/engine.ts";
import { startModel, wish } from "./support/model.ts";
import { binary, cleanEnvironment, start, until } from "./support/process.ts";
import { readToEnd } from "./support/stream.ts";

let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "throughline-cli-"));
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  input?: string;
}

/** Runs to the end, with the environment of nobody: no home but the test's, no settings but `env`. */
function run(args: string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((done) => {
    const env = cleanEnvironment({ HOME: home, ...options.env });
    const child = execFile(binary, args, { cwd: options.cwd ?? home, env, timeout: 30_000 }, (error, stdout, stderr) => {
      done({ status: error ? (typeof error.code === "number" ? error.code : -1) : 0, stdout, stderr });
    });
    child.stdin!.on("error", () => {}); // it may end without having read
    child.stdin!.end(options.input ?? "");
  });
}

async function expectRefused(args: string[], says: RegExp[], options: RunOptions = {}, status = 2): Promise<Outcome> {
  const outcome = await run(args, options);
  for (const words of says) expect(outcome.stderr).toMatch(words);
  expect(outcome.status).toBe(status);
  expect(outcome.stdout).not.toContain("ready at");
  return outcome;
}

function freshFolder(): string {
  return mkdtempSync(join(home, "data-"));
}

/** A program that is not ours and has a port. */
async function occupy(port: number): Promise<{ server: Server; port: number } | undefined> {
  const server = createServer();
  const taken = once(server, "error").then(() => false);
  server.listen(port, "127.0.0.1");
  const has = await Promise.race([once(server, "listening").then(() => true), taken]);
  return has ? { server, port: (server.address() as AddressInfo).port } : undefined;
}

describe("help", () => {
  test("names every command, and each has examples of its own", async () => {
    const top = await run(["--help"]);
    expect(top.status).toBe(0);
    for (const command of ["serve", "chat", "config", "check", "inspect", "task", "queue", "worker", "bench", "mock-model"]) {
      expect(top.stdout).toMatch(new RegExp(`^  ${command} `, "m"));
      const help = await run([command, "--help"]);
      expect(help.status).toBe(0);
      expect(help.stdout).toContain(`Usage: throughline ${command}`);
      expect(help.stdout).toContain("Examples:");
      expect(help.stderr).toBe("");
    }
    expect((await run([])).stdout).toBe(top.stdout);
  });

  test("explains each flag, the keys, and the order of precedence", async () => {
    const { stdout } = await run(["serve", "--help"]);
    const table = await run(["config"]);
    const secrets = ["openai-api-key", "anthropic-api-key", "database-url", "redis-url", "access-token"];
    const names = [...table.stdout.matchAll(/^  ([a-z][a-z-]+)  /gm)].map((match) => match[1]!);
    expect(names.length).toBeGreaterThan(30);
    for (const name of names.filter((each) => !secrets.includes(each))) expect(stdout).toContain(`  --${name}`);
    expect(stdout).toContain("flags win over the environment");
    expect(stdout).toContain("OPENAI_API_KEY");
    expect(stdout).toContain("[providers.");
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThan(120);
  });

  test("the version is said in one line, either way", async () => {
    const flag = await run(["--version"]);
    expect(flag.stdout).toMatch(/^throughline \d+\.\d+\.\d+\n$/);
    expect((await run(["version"])).stdout).toBe(flag.stdout);
  });
});

describe("config", () => {
  test("says for every value where it came from; flags win over the environment, .env and the file", async () => {
    const cwd = freshFolder();
    writeFileSync(join(cwd, ".env"), "THROUGHLINE_KEEP_ALIVE=2s\nTHROUGHLINE_SYNC_WAIT=22s\nTHROUGHLINE_CHUNK_TTL=2h\n");
    const file = join(cwd, "throughline.toml");
    writeFileSync(file, 'keep_alive = "1s"\nsync_wait = "11s"\nchunk_ttl = "1m"\nwrite_timeout = "17s"\n');
    const env = { THROUGHLINE_SYNC_WAIT: "33s", CHUNK_TTL: "3600", THROUGHLINE_FAILURES_MAX: "7" };
    const { stdout, status } = await run(["config", "--failures-max", "5"], { cwd, env });
    expect(status).toBe(0);
    const line = (name: string) => stdout.split("\n").find((each) => each.startsWith(`  ${name} `));
    expect(line("failures-max")).toMatch(/ 5 +--failures-max$/);
    expect(line("sync-wait")).toMatch(/ 33s +THROUGHLINE_SYNC_WAIT in the environment$/);
    expect(line("keep-alive")).toMatch(/ 2s +THROUGHLINE_KEEP_ALIVE in .*\.env/);
    expect(line("write-timeout")).toMatch(new RegExp(` 17s +${file}:4$`));
    expect(line("chunk-ttl")).toMatch(/ 3600 +CHUNK_TTL in the environment$/);
    expect(line("body-bytes-max")).toMatch(/ 1MiB +default$/);
  });

  test("shows several providers, also of one kind, and which model answers", async () => {
    const cwd = freshFolder();
    writeFileSync(
      join(cwd, "throughline.toml"),
      `default_model = "two/small"
[providers.one]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
models = ["large"]
[providers.two]
kind = "openai"
base_url = "http://127.0.0.1:10/v1"
api_key_env = "TWO_KEY"
models = ["small"]
`,
    );
    const { stdout, status } = await run(["config"], { cwd, env: { TWO_KEY: "sk-two-secret", ANTHROPIC_API_KEY: "sk-ant-secret" } });
    expect(status).toBe(0);
    expect(stdout).toMatch(/one: OpenAI-compatible API at http:\/\/127.0.0.1:9\/v1, no key, models: large/);
    expect(stdout).toMatch(/two: OpenAI-compatible API at http:\/\/127.0.0.1:10\/v1, key set, models: small/);
    expect(stdout).toMatch(/anthropic: Anthropic API at https:\/\/api.anthropic.com, key set/);
    expect(stdout).toMatch(/default model: two\/small/);
    expect(stdout).not.toContain("secret");
  });

  test("never shows a secret, wherever it stands", async () => {
    const cwd = freshFolder();
    const keyFile = join(cwd, "key");
    writeFileSync(keyFile, "sk-secret-of-a-file\n");
    writeFileSync(
      join(cwd, "throughline.toml"),
      `[providers.own]
kind = "openai"
base_url = "http://user:secret-password@127.0.0.1:9/v1"
api_key = "sk-secret-inline"
models = ["m"]
headers = ["Authorization: Bearer secret-header"]
`,
    );
    const env = { OPENAI_API_KEY: "sk-secret-env", ANTHROPIC_API_KEY_FILE: keyFile };
    const shown = await run(["config"], { cwd, env });
    expect(shown.status).toBe(0);
    expect(shown.stdout).toContain("(set, not shown)");
    expect(shown.stdout + shown.stderr).not.toContain("secret-");
    const url = { DATABASE_URL: "postgresql://u:secret-password@db/chat", REDIS_URL: "redis://:secret-password@r" };
    const all = await run(["config"], { cwd, env: { ...env, ...url } });
    expect(all.status).toBe(0);
    expect(all.stdout).toContain("postgresql://***@db/chat");
    expect(all.stdout + all.stderr).not.toContain("secret-");
  });
});

describe("what is wrong is named, with the nearest right name", () => {
  test.each([
    ["a command", ["serv"], /unknown command serv; did you mean "serve"\?/],
    ["a flag", ["serve", "--lisen", "x"], /unknown flag --lisen; did you mean "--listen"\?/],
    ["a flag of chat", ["chat", "--modle", "x"], /unknown flag --modle; did you mean "--model"\?/],
    ["a word too many", ["serve", "now"], /unknown argument now/],
    ["an address", ["serve", "--listen", "nowhere"], /--listen: "nowhere" is no numeric address; write it like 127/],
    ["a port", ["serve", "--listen", "127.0.0.1:99999"], /no port from 0 to 65535/],
    ["a duration", ["serve", "--chunk-ttl", "banana"], /--chunk-ttl: "banana" is not a duration like 500ms/],
    ["a number", ["serve", "--failures-max", "-1"], /--failures-max: "-1" is out of range/],
    ["a choice", ["serve", "--log-level", "loud"], /--log-level: "loud" is none of debug, info/],
    ["a role that needs more", ["serve", "--role", "worker"], /role worker needs PostgreSQL and Redis, which it shares with the other processes; set DATABASE_URL and REDIS_URL/],
    ["a key where every process can read it", ["serve", "--openai-api-key", "k"], /set OPENAI_API_KEY or OPENAI_API_KEY_FILE/],
    ["a file that is not there", ["serve", "--config", "none.toml"], /cannot read the configuration file .*none.toml/],
  ])("%s", async (_, args, words) => {
    await expectRefused(args, [words]);
  });

  test("a variable", async () => {
    await expectRefused(["serve"], [/unknown variable THROUGHLINE_LISTN in the environment; did you mean "THROUGHLINE_LISTEN"\?/], {
      env: { THROUGHLINE_LISTN: "x" },
    });
    const cwd = freshFolder();
    writeFileSync(join(cwd, ".env"), "THROUGHLINE_DATADIR=x\n");
    await expectRefused(["serve"], [/unknown variable THROUGHLINE_DATADIR in .*\.env.*did you mean "THROUGHLINE_DATA_DIR"\?/], { cwd });
  });

  test("everything in a file, with its lines, all at once", async () => {
    const cwd = freshFolder();
    const file = join(cwd, "throughline.toml");
    writeFileSync(file, 'chunk_tll = "1h"\n[providers.x]\nknd = "openai"\n[provider.y]\nkind = "demo"\n');
    await expectRefused(
      ["serve"],
      [
        new RegExp(`${file}:1: unknown setting chunk_tll; did you mean "chunk_ttl"\\?`),
        new RegExp(`${file}:3: unknown setting knd of provider x; did you mean "kind"\\?`),
        new RegExp(`${file}:4: unknown section \\[provider.*providers\\.NAME`),
      ],
      { cwd },
    );
  });
});

describe("a database and a Redis that are no PostgreSQL and no Redis are refused, never ignored", () => {
  test.each([
    ["DATABASE_URL", "sqlite+aiosqlite:///pw.db", /DATABASE_URL in the environment: must begin with postgresql:\/\//],
    ["REDIS_URL", "memcached://pw", /REDIS_URL in the environment: must begin with redis:\/\//],
  ])("%s=%s", async (name, value, words) => {
    const data = join(freshFolder(), "none");
    const args = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data];
    const { stderr } = await expectRefused(args, [words], { env: { [name]: value } });
    expect(stderr).not.toContain("pw");
    expect(existsSync(data)).toBe(false);
    const cwd = freshFolder();
    writeFileSync(join(cwd, ".env"), `${name}=${value}\n`);
    await expectRefused(args, [new RegExp(`${name} in .*\\.env`)], { cwd });
  });

  test("a broker that is not Redis is nobody's business", async () => {
    expect((await run(["config"], { env: { CELERY_BROKER_URL: "amqp://mq" } })).status).toBe(0);
  });
});

describe("addresses and ports", () => {
  test.each(["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])("%s is refused: there is no access token", async (address) => {
    const args = ["serve", "--listen", address, "--data-dir", freshFolder()];
    await expectRefused(args, [/can be reached from the network, and there is no access token/, /openssl rand -base64 32/, /--allow-unauthenticated-network/]);
  });

  test("the network is served when told so by the flag that says what it means, with a warning", async () => {
    const data = freshFolder();
    const args = ["serve", "--listen", "0.0.0.0:0", "--data-dir", data, "--allow-unauthenticated-network"];
    const server = start(args, { cwd: data });
    await server.waitFor(/ready at http:\/\/127\.0\.0\.1:\d+/);
    expect(server.output()).toMatch(/Warning: 0\.0\.0\.0 can be reached from the network without an access token/);
    expect(await server.end("SIGTERM")).toBe(0);
  });

  test("a chosen port that is taken: an error names who has it, and where the choice was made", async () => {
    const other = (await occupy(0))!;
    try {
      const data = freshFolder();
      const who = new RegExp(`port ${other.port} of 127\\.0\\.0\\.1 is in use by process ${process.pid} `);
      const listen = `127.0.0.1:${other.port}`;
      await expectRefused(["serve", "--listen", listen, "--data-dir", data], [who, /\(--listen\)/, /choose another port/], {}, 1);
      const env = { PORT: String(other.port) };
      await expectRefused(["serve", "--data-dir", data], [who, /PORT in the environment/], { env }, 1);
    } finally {
      other.server.close();
    }
  });

  test("the default port taken: the next free one is used, and said", async () => {
    const other = await occupy(8080); // undefined: another program has it already, which serves as well
    const data = freshFolder();
    const server = start(["serve", "--data-dir", data], { cwd: data });
    try {
      const url = (await server.waitFor(/ready at (http:\/\/\S+)/))[1]!;
      expect(server.output()).toMatch(/Port 8080 is in use.*; taking the next free one/);
      expect(Number(new URL(url).port)).toBeGreaterThan(8080);
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      const piped = await run(["chat", "--data-dir", data], { input: "Where are you?" });
      expect(piped.stdout).toContain("Where are you?");
    } finally {
      await server.end("SIGKILL");
      other?.server.close();
    }
  });
});

describe("the data directory", () => {
  test("is made for its owner alone, and so are the files of the database", async () => {
    const data = join(freshFolder(), "made", "here");
    const previous = process.umask(0);
    const server = start(["serve", "--listen", "127.0.0.1:0", "--data-dir", data], { cwd: home });
    process.umask(previous);
    try {
      await server.waitFor(/ready at/);
      expect(statSync(data).mode & 0o777).toBe(0o700);
      const files = readdirSync(data).filter((name) => name.startsWith("throughline.db"));
      expect(files).toContain("throughline.db");
      expect(files).toContain("throughline.db-wal");
      for (const name of files) expect([name, statSync(join(data, name)).mode & 0o777]).toEqual([name, 0o600]);
    } finally {
      await server.end("SIGKILL");
    }
  });

  test("that cannot be written is an error that names it and the mend", async () => {
    const folder = freshFolder();
    writeFileSync(join(folder, "file"), "");
    const serve = (data: string) => ["serve", "--listen", "127.0.0.1:0", "--data-dir", data];
    await expectRefused(serve(join(folder, "file")), [/file cannot be created/, /use another --data-dir/], {}, 1);
    await expectRefused(serve(join(folder, "file", "x")), [/cannot be created/, /use another --data-dir/], {}, 1);
    if (process.getuid!() === 0) return; // root may write everywhere
    const closed = join(folder, "closed");
    mkdirSync(closed);
    chmodSync(closed, 0o500);
    await expectRefused(serve(closed), [/cannot be written/, /use another --data-dir/], {}, 1);
  });

  test("with a file that is no database, or one of a newer version, is refused and left as it is", async () => {
    const folder = freshFolder();
    const serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", folder];
    const file = join(folder, "throughline.db");
    writeFileSync(file, "this is a letter, and no database\n".repeat(100));
    await expectRefused(serve, [/is not a SQLite database; move it away, or use another --data-dir/], {}, 1);
    expect(statSync(file).size).toBe(3400);
    rmSync(file);
    const engine = await startEngine({ dataDir: folder });
    const posted = await engine.ask("Will this be kept?");
    await readToEnd(engine.url, posted.task_id);
    await engine.stop();
    const database = new DatabaseSync(file);
    database.exec("INSERT INTO schema_migrations VALUES (4711, 'of the future', 0, 0)");
    database.close();
    await expectRefused(serve, [/was written by a newer version \(schema 4711, this binary knows \d+\)/], {}, 1);
    const later = new DatabaseSync(file);
    later.exec("DELETE FROM schema_migrations WHERE version = 4711");
    later.close();
    const again = await startEngine({ dataDir: folder });
    expect((await again.message(posted.conversation_id, posted.message_id)).status).toBe("completed");
    await again.dispose();
  });

  test("of a running server is refused, and the server named", async () => {
    const engine = await startEngine();
    const args = ["serve", "--listen", "127.0.0.1:0", "--data-dir", engine.dataDir];
    const says = [new RegExp(`in use by process ${engine.pid}`), new RegExp(`that is Throughline at ${engine.url}`)];
    await expectRefused(args, says, {}, 1);
    await engine.dispose();
  });
});

describe("chat in a pipe", () => {
  test("prints the answer of the demo and nothing else, without any key", async () => {
    const engine = await startEngine();
    const { status, stdout, stderr } = await run(["chat", "--data-dir", engine.dataDir], { input: "What is rain?\n" });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^\*\*This is Throughline's demo model\.\*\*/);
    expect(stdout).toContain("> What is rain?\n");
    expect(stdout).not.toContain("\x1b");
    expect(status).toBe(0);
    const page = await engine.expect(200, "GET", "/conversations");
    const messages = await engine.expect(200, "GET", `/conversations/${page.data[0].id}/messages`);
    expect(stdout).toBe(messages.data[1].content);
    expect((await run(["chat", "--data-dir", engine.dataDir], { input: "\n" })).status).toBe(2);
    await engine.dispose();
  });

  test("says how to start a server if none runs", async () => {
    const outcome = await run(["chat", "--url", "http://127.0.0.1:1"], { input: "hello" });
    expect(outcome.stderr).toContain("no server answers at http://127.0.0.1:1");
    expect(outcome.stderr).toContain("throughline serve");
    expect(outcome.status).toBe(1);
  });

  test("a failed answer prints what there is, why it failed, and exits with 1; the key is nowhere", async () => {
    const model = await startModel();
    const engine = await startEngine({ model: model.base, args: ["--failures-max", "1", "--log-level", "debug"] });
    const chat = (input: string) => run(["chat", "--url", engine.url], { input });
    const cut = await chat(wish({ tokens: 20, cut_after_tokens: 7 }));
    expect(cut.stdout).toMatch(/^0:\S+ 1:/);
    expect(cut.stderr).toMatch(/the answer failed: .*\(asking again may help\)/);
    expect(cut.status).toBe(1);
    const unauthorized = await chat(wish({ status: 401 }));
    expect(unauthorized).toMatchObject({ status: 1, stdout: "" });
    expect(unauthorized.stderr).toContain("401");
    const everything = JSON.stringify([cut, unauthorized, await engine.expect(200, "GET", "/changes")]);
    expect(everything + engine.running.output()).not.toContain("sk-test-secret");
    await engine.dispose();
    await model.stop();
  });

  test("--resume prints the whole answer that is still being written", async () => {
    const model = await startModel();
    const engine = await startEngine({ model: model.base });
    const posted = await engine.ask(wish({ tokens: 60, pace_ms: 20 }));
    const { status, stdout } = await run(["chat", "--url", engine.url, "--resume"]);
    expect(status).toBe(0);
    expect(stdout).toBe(`${(await engine.message(posted.conversation_id, posted.message_id)).content}\n`);
    const none = await run(["chat", "--url", engine.url, "--resume"]);
    expect(none.stderr).toContain("no answer is being written");
    expect(none.status).toBe(1);
    await engine.dispose();
    await model.stop();
  });

  test("Ctrl-C stops the answer in the server too", async () => {
    const model = await startModel();
    const engine = await startEngine({ model: model.base });
    const env = cleanEnvironment({ HOME: home });
    const child = spawn(binary, ["chat", "--url", engine.url], { cwd: home, env, stdio: ["pipe", "pipe", "pipe"] });
    const ended = once(child, "close");
    child.stdin.end(wish({ tokens: 5000, pace_ms: 20 }));
    const task: string = await until("text", async () => {
      const active = await engine.expect(200, "GET", "/active-streams");
      return active.data[0]?.position.startsWith("1-") && active.data[0].task_id;
    });
    child.kill("SIGINT");
    await ended;
    expect((await engine.task(task)).state).toBe("cancelled");
    await engine.dispose();
    await model.stop();
  });
});
