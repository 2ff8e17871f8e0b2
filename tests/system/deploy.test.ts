// What deploy/ has for systemd and Docker, as far as it can be held against the program without them: every setting is one, every
// library is there, the times fit together. nginx.conf has a test of its own.
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEngine } from "./support/engine.ts";
import { binary, cleanEnvironment } from "./support/process.ts";

const deploy = resolve("../../deploy");
const text = (name: string) => readFileSync(join(deploy, name), "utf8");
const units = ["throughline.service", "throughline-api@.service", "throughline-worker@.service"];
let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "throughline-deploy-"));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** What `throughline config` says with these settings; files of secrets have something in them. */
function configured(settings: Record<string, string>): { status: number; output: string } {
  const secret: Record<string, string> = { DATABASE_URL_FILE: "postgresql://throughline@127.0.0.1/throughline", REDIS_URL_FILE: "redis://127.0.0.1" };
  const env: Record<string, string> = { HOME: home };
  for (const [name, value] of Object.entries(settings)) {
    env[name] = name.endsWith("_FILE") ? join(home, name) : value;
    if (name.endsWith("_FILE")) writeFileSync(env[name], secret[name] ?? "a-token-of-more-than-thirty-two-characters\n");
  }
  const got = spawnSync(binary, ["config"], { cwd: home, env: cleanEnvironment(env), encoding: "utf8" });
  return { status: got.status!, output: got.stdout + got.stderr };
}

/** In seconds. */
function shutdownGrace(): number {
  return Number(configured({}).output.match(/^ *shutdown-grace +(\d+)s /m)![1]);
}

describe("the units of systemd", () => {
  const values = (unit: string, key: string) => [...text(`systemd/${unit}`).matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map((one) => one[1]!);

  test.each(units)("%s has settings that are some", (unit) => {
    const settings = Object.fromEntries(values(unit, "Environment").map((line) => {
      const [name, ...rest] = line.split("=");
      return [name!, rest.join("=").replaceAll("%i", "8081").replaceAll("%S", home)];
    }));
    const { status, output } = configured(settings);
    expect(output).not.toMatch(/^throughline: /m);
    expect(status).toBe(0);
    for (const name of Object.keys(settings)) expect(output).toContain(`${name} in the environment`);
    // What is read from a credential is one that is loaded.
    const loaded = values(unit, "LoadCredential").map((line) => line.split(":")[0]!);
    const read = values(unit, "Environment").flatMap((line) => line.match(/%d\/(.*)$/)?.slice(1) ?? []);
    expect(read.sort()).toEqual(loaded.sort());
  });

  test.each(units)("%s gives running answers the time they may take", (unit) => {
    expect(values(unit, "Type")).toEqual(["notify"]);
    expect(parseInt(values(unit, "TimeoutStopSec")[0]!)).toBeGreaterThan(shutdownGrace() + 10);
  });

  test("protect all roles alike", () => {
    const protection = units.map((unit) => text(`systemd/${unit}`).split("# What it may not do.")[1]);
    expect(protection[0]).toContain("NoNewPrivileges=yes");
    expect(protection).toEqual([protection[0], protection[0], protection[0]]);
  });

  test.skipIf(spawnSync("systemd-analyze", ["--version"]).status !== 0)("are ones that systemd understands, and little exposed", () => {
    const names = units.map((unit) => unit.replace("@", "@8081"));
    for (const [i, unit] of units.entries()) {
      const adapted = text(`systemd/${unit}`).replace("/usr/local/bin/throughline", binary);
      writeFileSync(join(home, names[i]!), adapted);
    }
    const verified = spawnSync("systemd-analyze", ["verify", "--man=no", ...names.map((name) => join(home, name))], { encoding: "utf8" });
    expect(verified.stdout + verified.stderr).toBe("");
    expect(verified.status).toBe(0);
    for (const name of names) {
      const judged = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=15", join(home, name)], { encoding: "utf8" });
      expect(judged.stdout.match(/Overall exposure level.*/)![0]).toMatch(/: [01]\.\d /);
      expect(judged.status).toBe(0);
    }
  });
});

describe("the container", () => {
  const dockerfile = text("Dockerfile");

  test("has the libraries that the program needs", () => {
    const installed = dockerfile.match(/--no-install-recommends ([^&]*)/)![1]!.split(/[\s\\]+/).filter(Boolean);
    const needed = [...execFileSync("readelf", ["-d", binary], { encoding: "utf8" }).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((one) => one[1]!);
    expect(needed.length).toBeGreaterThan(5);
    const owners = execFileSync("dpkg", ["-S", ...needed.map((library) => `*linux-gnu/${library}`)], { encoding: "utf8" });
    const packages = new Set([...owners.matchAll(/^([^:]+):/gm)].map((one) => one[1]!));
    const always = ["libc6", "libgcc-s1"];
    expect(installed.filter((name) => name !== "ca-certificates").sort()).toEqual([...packages].filter((name) => !always.includes(name)).sort());
  });

  test("has settings that are some, and obeys PORT", () => {
    const settings = Object.fromEntries([...dockerfile.match(/^ENV (.*)$/m)![1]!.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]));
    const { status, output } = configured({ ...settings, PORT: "9123", THROUGHLINE_ACCESS_TOKEN_FILE: "" });
    expect(output).toMatch(/^ *port +9123 +PORT in the environment$/m);
    expect(output).not.toMatch(/is not used/);
    expect(status).toBe(0);
    // Without a token it does not start, and says why.
    expect(configured(settings).status).toBe(2);
  });

  test("is healthy while the program answers", async () => {
    const command = JSON.parse(dockerfile.match(/^ *CMD (\["bash".*\])$/m)![1]!) as string[];
    const isHealthy = (port: string) => new Promise<boolean>((judged) => {
      execFile(command[0]!, command.slice(1), { env: { PATH: process.env["PATH"]!, PORT: port }, timeout: 10_000 }, (error) => judged(error === null));
    });
    const engine = await startEngine();
    const port = new URL(engine.url).port;
    expect(await isHealthy(port)).toBe(true);
    await engine.dispose();
    expect(await isHealthy(port)).toBe(false);
    // Something that answers, but not so.
    const other = createServer((socket) => socket.end("HTTP/1.1 503 Service Unavailable\r\n\r\n")).listen(0, "127.0.0.1");
    await new Promise((listening) => other.once("listening", listening));
    expect(await isHealthy(String((other.address() as { port: number }).port))).toBe(false);
    other.close();
  });
});

describe("the compose file", () => {
  const compose = text("compose.yaml");
  /** Services, with the lines of each. */
  const services = new Map([...compose.slice(compose.indexOf("\nservices:"), compose.indexOf("\nnetworks:")).matchAll(/^ {2}([a-z0-9-]+):.*\n((?: {4}.*\n|\n)*)/gm)].map((one) => [one[1]!, one[2]!]));

  test("has two of each, and only nginx is reached from outside", () => {
    expect([...services.keys()].sort()).toEqual(["api-1", "api-2", "nginx", "postgres", "redis", "worker-1", "worker-2"]);
    expect([...services].filter(([, lines]) => lines.includes("ports:")).map(([name]) => name)).toEqual(["nginx"]);
    const upstream = [...text("nginx.conf").matchAll(/^ *server ([a-z0-9-]+):8080 /gm)].map((one) => one[1]!);
    expect(upstream).toEqual(["api-1", "api-2"]);
  });

  test("has settings that are some", () => {
    const part = compose.slice(compose.indexOf("x-environment:"), compose.indexOf("\nservices:"));
    const settings = Object.fromEntries([...part.matchAll(/^ {2}([A-Z_]+): (.*)$/gm)].map((one) => [one[1]!, one[2]!]));
    expect(Object.keys(settings).length).toBeGreaterThan(4);
    const { status, output } = configured({ ...settings, THROUGHLINE_LISTEN: "0.0.0.0" });
    expect(output).not.toMatch(/^throughline: /m);
    expect(status).toBe(0);
    for (const name of Object.keys(settings)) expect(output).toContain(`${name} in the environment`);
  });

  test("gives running answers the time they may take", () => {
    const grace = compose.match(/^x-throughline:[^]*?stop_grace_period: (\d+)s/m)![1];
    expect(Number(grace)).toBeGreaterThan(shutdownGrace() + 10);
  });

  test("starts Redis in a way that Redis understands", () => {
    const command = services.get("redis")!.match(/command: >-\n((?: {6}.*\n)+)/)![1]!.trim().replace(/\s+/g, " ");
    expect(command).toMatch(/^redis-server /);
    // It reads its settings before it looks at its folder, and there it stops.
    const started = spawnSync("bash", ["-c", `${command} --port 0 --dir ${home}/none`], { encoding: "utf8" });
    expect(started.stdout + started.stderr).toMatch(/dir "[^]*No such file/);
    for (const wanted of ['--save ""', "--appendonly no", "--maxmemory-policy noeviction"]) expect(command).toContain(wanted);
  });

  test("gets its secrets made once, for the eyes of their owner", () => {
    const folder = join(home, "deploy");
    mkdirSync(folder);
    copyFileSync(join(deploy, "first-use"), join(folder, "first-use"));
    const run = (...args: string[]) => spawnSync(join(folder, "first-use"), args, { encoding: "utf8" });
    expect(run().status).toBe(2);
    expect(run("a b").status).toBe(2);
    expect(existsSync(join(folder, "secrets"))).toBe(false);
    const first = run("chat.example.org");
    const token = first.stdout.match(/^Access token: ([0-9a-f]{64})$/m)![1];
    expect(statSync(join(folder, "secrets")).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "throughline.env")).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "secrets/tls/privkey.pem")).mode & 0o777).toBe(0o600);
    const password = readFileSync(join(folder, "secrets/postgres-password"), "utf8").trim();
    expect(readFileSync(join(folder, "secrets/database-url"), "utf8")).toBe(`postgresql://throughline:${password}@postgres:5432/throughline\n`);
    expect(password).not.toBe(token);
    // Every file that the compose file names is there.
    const named = [...compose.matchAll(/(?:file: |\[)\.?\/?((?:secrets\/|throughline\.env)[a-z-]*)/g)].map((one) => one[1]!);
    expect(named.sort()).toEqual(["secrets/access-token", "secrets/database-url", "secrets/postgres-password", "throughline.env"]);
    for (const name of named) expect(existsSync(join(folder, name)), name).toBe(true);
    const [name, value] = readFileSync(join(folder, "throughline.env"), "utf8").trim().split("=");
    expect(configured({ [name!]: value! }).output).toMatch(/^ *public-url +https:\/\/chat\.example\.org /m);
    const before = readFileSync(join(folder, "secrets/tls/fullchain.pem"), "utf8");
    expect(run("other.example.org").stdout).toBe(first.stdout);
    expect(readFileSync(join(folder, "secrets/tls/fullchain.pem"), "utf8")).toBe(before);
  });
});
