// A Chromium of a test: started with an empty profile, spoken to over its debugging port, ended by its process id. It is not
// started by Playwright, because then every tab would believe that it is in front: here a tab behind another is hidden, and can
// be frozen, as on a person's desk.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { cleanEnvironment, leash, slowness } from "../../system/support/process.ts";

const program = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--force-color-profile=srgb", "--hide-scrollbars",
  // Whatever tries to leave finds nobody there, even if the tests did not see it go.
  "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
  "--remote-debugging-port=0", "--window-size=1280,800",
];

export class Chromium {
  readonly browser: Browser;
  private readonly child: ChildProcess;
  readonly profile: string;

  private constructor(browser: Browser, child: ChildProcess, profile: string) {
    this.browser = browser;
    this.child = child;
    this.profile = profile;
  }

  /** With the profile of one that has ended, what that one had stored is there. */
  static async begin(profile = mkdtempSync(join(tmpdir(), "throughline-chromium-"))): Promise<Chromium> {
    if (!existsSync(program)) throw new Error(`${program} is missing: apt-get install chromium`);
    const [first, ...rest] = [...leash, program, ...flags, `--user-data-dir=${profile}`, "about:blank"];
    const child = spawn(first!, rest, { env: cleanEnvironment(), stdio: ["ignore", "ignore", "pipe"] });
    const address = await listening(child);
    const browser = await chromium.connectOverCDP(address, { noDefaults: true });
    return new Chromium(browser, child, profile);
  }

  /** The profile's own tabs: those in the background are hidden. */
  get profileContext(): BrowserContext {
    return this.browser.contexts()[0]!;
  }

  /** Writes what it has stored, and ends. */
  async close(): Promise<void> {
    const session = await this.browser.newBrowserCDPSession();
    const ended = once(this.child, "close");
    await session.send("Browser.close").catch(() => undefined);
    const patience = setTimeout(() => this.child.kill("SIGKILL"), 5_000 * slowness);
    await ended;
    clearTimeout(patience);
  }

  /** And removes its profile. */
  async dispose(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, "close");
      this.child.kill("SIGKILL");
      await ended;
    }
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`Chromium did not start; it printed:\n${text}`)), 20_000 * slowness);
    child.once("close", () => reject(new Error(`Chromium ended at once; it printed:\n${text}`)));
    child.stderr!.on("data", (piece: Buffer) => {
      text += piece.toString();
      const match = text.match(/DevTools listening on (ws:\/\/\S+)/);
      if (!match) return;
      clearTimeout(timer);
      resolve(match[1]!);
    });
  });
}
