// Where a test of the page plays: a model, an engine in front of it, and one Chromium for all tests of a file. A browser context
// is a device of its own; what a device saw that must not happen fails the test that used it.
import { afterAll, afterEach, beforeAll } from "vitest";
import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { type Engine, type EngineOptions, startEngine } from "../../system/support/engine.ts";
import { Model, startModel } from "../../system/support/model.ts";
import { type Chaos, startChaos } from "../../fault/support/chaos.ts";
import { type RawModel, startRawModel } from "../../fault/support/raw_model.ts";
import { Chromium } from "./chromium.ts";
import { Chat } from "./chat.ts";
import { keepEvidence } from "./evidence.ts";
import { networkNoise, Watch } from "./watch.ts";

/** One browser of one person: tabs that share what it stores. */
export class Device {
  readonly context: BrowserContext;
  readonly watch: Watch;
  private readonly home: () => string;

  /** What its connections go through, if they can be cut. */
  readonly front: Chaos | undefined;

  constructor(context: BrowserContext, watch: Watch, home: () => string, front?: Chaos) {
    this.context = context;
    this.watch = watch;
    this.home = home;
    this.front = front;
  }

  /** Loses the network: the browser knows, and what was open breaks, which the browser alone would leave as it is. */
  async goOffline(): Promise<void> {
    if (!this.front) throw new Error("a device that goes offline needs a front");
    await this.context.setOffline(true);
    await this.front.cut("reset");
  }
  async goOnline(): Promise<void> {
    await this.context.setOffline(false);
  }

  /** A tab at this path of the application, once it can be written in. */
  async open(path = "/"): Promise<Chat> {
    const chat = await this.openUnready(path);
    await chat.ready();
    return chat;
  }

  /** The same, whatever it shows. */
  async openUnready(path = "/"): Promise<Chat> {
    const page = await this.context.newPage();
    await page.goto(this.home() + path, { waitUntil: "commit" });
    return new Chat(page);
  }

  /** Whose storage it has. */
  get origin(): string {
    return new URL(this.home()).origin;
  }

  get tabs(): Page[] {
    return this.context.pages();
  }
}

export interface SceneOptions extends EngineOptions {
  /** Another model beside the mock, with scripts of the test's own: `{"mock":{"script":NAME}}`. */
  raw?: boolean;
}

export class Scene {
  engine!: Engine;
  model!: Model;
  raw!: RawModel;
  chromium!: Chromium;
  private devices: Device[] = [];
  private borrowed: Device[] = [];
  private fronts: Chaos[] = [];
  readonly options: SceneOptions;

  constructor(options: SceneOptions) {
    this.options = options;
  }

  async begin(): Promise<void> {
    this.chromium = await Chromium.begin();
    if (this.options.raw) this.raw = await startRawModel();
    else this.model = await startModel();
    this.engine = await startEngine({ ...this.options, model: (this.raw ?? this.model).base });
  }

  /** A browser that has never been here. */
  async device(options: BrowserContextOptions & { home?: string } = {}): Promise<Device> {
    const { home, ...rest } = options;
    return this.adopt(await this.chromium.browser.newContext(rest), home);
  }

  /** The same, whose network can fail: what the browser itself says about that is expected. */
  async frailDevice(): Promise<Device & { front: Chaos }> {
    const front = await startChaos(this.engine.url);
    this.fronts.push(front);
    const device = await this.adopt(await this.chromium.browser.newContext(), front.url, front);
    device.watch.excuse(networkNoise);
    return device as Device & { front: Chaos };
  }

  /** The profile's own tabs, of which only the one in front is visible. Nothing that a test before stored is there. */
  async desk(home?: string): Promise<Device> {
    return this.adopt(this.chromium.profileContext, home);
  }

  /** Of a Chromium of the test's own, which the test ends. */
  async deskOf(chromium: Chromium, path = "/"): Promise<{ device: Device; chat: Chat }> {
    const device = new Device(chromium.profileContext, await Watch.over(chromium.profileContext, [this.engine.url]), () => this.engine.url);
    this.borrowed.push(device);
    return { device, chat: await device.open(path) };
  }

  private async adopt(context: BrowserContext, home?: string, front?: Chaos): Promise<Device> {
    const where = () => home ?? this.engine.url;
    const device = new Device(context, await Watch.over(context, [new URL(where()).origin]), where, front);
    this.devices.push(device);
    return device;
  }

  /** The server is killed and begins again on the same data and address. */
  async restartEngine(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.engine = await this.engine.restart(signal);
  }

  async endTest(failed: boolean, name: string): Promise<void> {
    const found = this.borrowed.splice(0).flatMap((device) => device.watch.findings());
    for (const device of this.devices.splice(0)) {
      found.push(...device.watch.findings());
      if (failed) await keepEvidence(name, device.tabs);
      if (device.context === this.chromium.profileContext) await this.clearDesk(device);
      else await device.context.close();
    }
    for (const front of this.fronts.splice(0)) await front.stop();
    const active = await this.engine.expect(200, "GET", "/active-streams");
    for (const one of active.data) await this.engine.call("POST", `/tasks/${one.task_id}/cancel`);
    if (found.length > 0) throw new Error(`what must not happen in a page:\n${found.join("\n")}`);
  }

  /** The next test's desk has never been here: what other devices did meanwhile would be news to it. */
  private async clearDesk(device: Device): Promise<void> {
    const last = await device.context.newPage();
    for (const page of device.tabs) if (page !== last) await page.close();
    const session = await device.context.newCDPSession(last);
    await session.send("Storage.clearDataForOrigin", { origin: device.origin, storageTypes: "all" });
    device.context.removeAllListeners();
  }

  async end(): Promise<void> {
    await this.chromium?.dispose();
    await this.engine?.dispose();
    await this.model?.stop();
    await this.raw?.stop();
  }
}

/** The scene of a file of tests. */
export function useScene(options: SceneOptions = {}): Scene {
  const scene = new Scene(options);
  beforeAll(() => scene.begin());
  afterAll(() => scene.end());
  afterEach(async ({ task }) => {
    await scene.endTest(task.result?.state === "fail", task.name);
  });
  return scene;
}
