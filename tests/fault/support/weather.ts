// What may happen to the processes of an ensemble, drawn at random: they are killed, stopped, halted and cut off from each other,
// and come back. PostgreSQL lives; connections to it do not.
import { setTimeout as sleep } from "node:timers/promises";
import type { Running } from "../../system/support/process.ts";
import { type Chaos, startChaos } from "./chaos.ts";
import type { Ensemble } from "./ensemble.ts";
import { Chance } from "./rows.ts";

type Part = "API process 0" | "API process 1" | "worker 0" | "worker 1" | "Redis";
const parts: readonly Part[] = ["API process 0", "API process 1", "worker 0", "worker 1", "Redis"];

/** How often each comes, against the others. */
const kinds = {
  "kill -9": 6,
  SIGTERM: 4,
  halt: 4,
  empty: 2, // Redis
  deaf: 2, // connections to Redis are cut
  cut: 3, // connections of clients
  disconnect: 1, // connections to PostgreSQL are cut
  everything: 0.4, // killed at once
} as const;
type Kind = keyof typeof kinds;

export class Weather {
  /** By kind. */
  readonly counts = new Map<Kind, number>();
  /** What happened when, for the failure that nobody understands otherwise. */
  readonly diary: string[] = [];
  /** Processes that did not end as they should. */
  readonly violations: string[] = [];
  /** Those that were ended. */
  private readonly meant = new Set<Running>();
  private readonly play: Ensemble;
  private readonly fronts: Chaos[];
  private readonly busy = new Map<Part, Promise<void>>();
  private isOver = false;
  private readonly lanes: Promise<void>[] = [];

  private constructor(play: Ensemble, fronts: Chaos[]) {
    this.play = play;
    this.fronts = fronts;
  }

  /** With a proxy before each API process, which can cut off its clients. */
  static async open(play: Ensemble): Promise<Weather> {
    return new Weather(play, await Promise.all(play.cluster.apis.map((api) => startChaos(api.url))));
  }

  /** Where clients find the API processes. */
  get urls(): string[] {
    return this.fronts.map((front) => front.url);
  }

  get faults(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** `lanes` things at a time, each followed by up to `pause` ms without. */
  begin(lanes: number, pause: number): void {
    for (let lane = 0; lane < lanes; lane++) this.lanes.push(this.blow(new Chance(`weather ${lane}`), pause));
    for (const lane of this.lanes) lane.catch(() => {});
  }

  /** All is well again: what was killed is back, what was halted goes on. */
  async calm(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.lanes);
    for (const [name, running] of this.play.cluster.history) {
      const { exitCode, signalCode } = running.child;
      if ((exitCode ?? signalCode) !== null && !this.meant.has(running)) this.violations.push(`${name} ended by itself: ${exitCode ?? signalCode}\n${running.output().slice(-2000)}`);
    }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.fronts.map((front) => front.stop()));
  }

  private async blow(chance: Chance, pause: number): Promise<void> {
    await sleep(chance.between(0, pause));
    while (!this.isOver) {
      const kind = draw(chance);
      await this.strike(kind, chance);
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
      await sleep(chance.between(0, pause));
    }
  }

  private strike(kind: Kind, chance: Chance): Promise<void> {
    const { cluster, redis, postgres } = this.play;
    switch (kind) {
      case "kill -9":
        return this.alone([chance.of(parts)], kind, ([part]) => this.replace(part!, "SIGKILL", chance));
      case "SIGTERM":
        return this.alone([chance.of(parts)], kind, ([part]) => this.replace(part!, "SIGTERM", chance));
      case "halt":
        return this.alone([chance.of(parts)], kind, ([part]) => this.halt(part!, chance));
      case "empty":
        return this.alone(["Redis"], kind, async () => void redis.cli(chance.of(["FLUSHALL", "FLUSHALL", "SCRIPT FLUSH"] as const)));
      case "deaf":
        return this.alone(["Redis"], kind, async () => void redis.cli("CLIENT", "KILL", "TYPE", chance.of(["pubsub", "normal"] as const)));
      case "cut": {
        const front = chance.of(this.fronts);
        const how = chance.of(["cut", "reset"] as const);
        this.note(`${how} clients of API process ${this.fronts.indexOf(front)}`);
        return front.cut(how);
      }
      case "disconnect": {
        const which = chance.of(["true", "random() < 0.5"] as const);
        this.note("cut connections to PostgreSQL");
        postgres.sql(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'throughline' AND ${which}`);
        return Promise.resolve();
      }
      case "everything":
        return this.alone(parts, kind, async () => {
          const all = [...cluster.apis.map((api) => api.running), ...cluster.workers];
          await Promise.all([...all.map((one) => this.end(one, "SIGKILL")), redis.end("SIGKILL")]);
          for (const part of parts.toSorted(() => chance.next() - 0.5)) await this.start(part, chance);
        });
    }
  }

  /** One thing at a time to each part. */
  private async alone(which: readonly Part[], kind: Kind, harm: (which: readonly Part[]) => Promise<void>): Promise<void> {
    const before = which.map((part) => this.busy.get(part));
    let done!: () => void;
    const mine = new Promise<void>((resolve) => (done = resolve));
    for (const part of which) this.busy.set(part, mine);
    try {
      await Promise.all(before);
      this.note(`${kind}: ${which.join(", ")}`);
      await harm(which);
      this.note(`${kind}: ${which.join(", ")}: over`);
    } finally {
      done();
    }
  }

  private async replace(part: Part, signal: "SIGKILL" | "SIGTERM", chance: Chance): Promise<void> {
    if (part === "Redis") await this.play.redis.end(signal);
    else {
      const how = await this.end(this.running(part), signal);
      if (signal === "SIGTERM" && how !== 0) this.violations.push(`${part} ended with ${how} on SIGTERM:\n${this.running(part).output().slice(-2000)}`);
    }
    await sleep(chance.next() ** 2 * 4_000);
    await this.start(part, chance);
  }

  private async halt(part: Part, chance: Chance): Promise<void> {
    const pid = part === "Redis" ? this.play.redis.pid : this.running(part).pid;
    process.kill(pid, "SIGSTOP");
    try {
      await sleep(300 + chance.next() ** 2 * 7_700);
    } finally {
      process.kill(pid, "SIGCONT");
    }
  }

  private end(running: Running, signal: NodeJS.Signals): Promise<number | string> {
    this.meant.add(running);
    return running.end(signal);
  }

  private running(part: Part): Running {
    const n = Number(part.at(-1));
    return part.startsWith("API") ? this.play.cluster.apis[n]!.running : this.play.cluster.workers[n]!;
  }

  private start(part: Part, chance: Chance): Promise<void> {
    const { cluster, redis } = this.play;
    if (part === "Redis") return redis.start();
    const n = Number(part.at(-1));
    const otherwise = { args: ["--shutdown-grace", `${chance.of([0, 200, 1_000, 4_000])}ms`] };
    return part.startsWith("API") ? cluster.startApi(n, otherwise) : cluster.startWorker(n, otherwise);
  }

  private note(what: string): void {
    this.diary.push(`${new Date().toISOString()} ${what}`);
  }
}

function draw(chance: Chance): Kind {
  const all = Object.entries(kinds) as [Kind, number][];
  let left = chance.next() * all.reduce((sum, [, weight]) => sum + weight, 0);
  return all.find(([, weight]) => (left -= weight) < 0)![0];
}
