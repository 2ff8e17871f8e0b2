/**
 * One connection per browser: which of its tabs has it, and how the others hear of what it brings.
 *
 * The leader holds a lock; when its tab closes, the browser gives the lock to the next one at once. A leader that is frozen
 * keeps the lock but says nothing: a tab that a person looks at and that hears nothing for 6 s takes the lock away. A leader
 * that wakes up without its lock is a follower. For a moment there may be two; every reader drops what it has already.
 */
import { type Clock, systemClock } from "./clock.ts";
import { defaultEnvironment, type Environment } from "./environment.ts";
import { browserGround, type Channel, type TabsGround } from "./tabs_ground.ts";

export type Role = "leader" | "follower";

export interface TabsListener {
  /** The first time soon after joining, then with each change. */
  onRole(role: Role): void;
  /**
   * What the leader said, to a follower. `line` names an unbroken line of its messages: when something in between was missed
   * (this tab was frozen, or there is another leader), it is another one.
   */
  onLeaderMessage(message: unknown, line: string): void;
  /** What a follower said, to the leader. */
  onFollowerMessage(message: unknown): void;
  /** Another tab has joined and knows nothing yet; only the leader hears of it. */
  onJoined(): void;
}

export interface Membership {
  /** To all others. */
  tell(message: unknown): void;
  /** Gives up what it has; another tab leads at once. */
  leave(): void;
}

export interface Tabs {
  join(listener: TabsListener): Membership;
}

/** Tabs whose `name` is the same share one connection: principal and installation must be in it. */
export function defaultTabs(name: string): Tabs {
  const ground = browserGround();
  return ground === null ? onlyTab : groundedTabs({ name, ground });
}

/** Leads always, and nobody hears it. */
export const onlyTab: Tabs = {
  join(listener) {
    listener.onRole("leader");
    return { tell() {}, leave() {} };
  },
};

export interface GroundedTabsOptions {
  readonly name: string;
  readonly ground: TabsGround;
  readonly clock?: Clock;
  readonly environment?: Environment;
}

export function groundedTabs(options: GroundedTabsOptions): Tabs {
  const { name, ground, clock = systemClock, environment = defaultEnvironment() } = options;
  return { join: (listener) => new Member(name, ground, clock, environment, listener) };
}

export const heartbeat_ms = 2_000;
export const deaf_ms = 6_000;

/** What goes over the channel. `number` counts the messages of one `term` of a leader. */
type Wire =
  | { readonly kind: "joined" }
  | { readonly kind: "beat"; readonly term: string; readonly number: number }
  | { readonly kind: "leader"; readonly term: string; readonly number: number; readonly message: unknown }
  | { readonly kind: "follower"; readonly message: unknown };

class Member implements Membership {
  readonly #name: string;
  readonly #ground: TabsGround;
  readonly #clock: Clock;
  readonly #environment: Environment;
  readonly #listener: TabsListener;
  readonly #channel: Channel;
  #role: Role = "follower";
  #releaseLock: () => void = () => {};
  #endTimer: () => void = () => {};
  #hasLeft = false;
  #term = "";
  #number = 0;
  #heardAt: number;
  #checkedAt: number;
  #heardTerm = "";
  #heardNumber = 0;
  #line = 0;

  constructor(
    name: string,
    ground: TabsGround,
    clock: Clock,
    environment: Environment,
    listener: TabsListener,
  ) {
    this.#name = name;
    this.#ground = ground;
    this.#clock = clock;
    this.#environment = environment;
    this.#listener = listener;
    this.#heardAt = this.#checkedAt = clock.now();
    this.#channel = ground.channels.open(name, (message) => this.#hear(message as Wire));
    this.#post({ kind: "joined" });
    this.#hold("wait");
    this.#tickLater();
  }

  tell(message: unknown): void {
    if (this.#role === "follower") this.#post({ kind: "follower", message });
    else this.#post({ kind: "leader", term: this.#term, number: ++this.#number, message });
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#endTimer();
    this.#releaseLock();
    this.#channel.close();
  }

  #post(message: Wire): void {
    if (!this.#hasLeft) this.#channel.post(message);
  }

  #hold(how: "wait" | "steal"): void {
    this.#releaseLock();
    this.#releaseLock = this.#ground.locks.hold(this.#name, how, {
      gained: () => this.#lead(),
      lost: () => this.#follow(),
    });
  }

  #lead(): void {
    if (this.#hasLeft) return;
    this.#role = "leader";
    this.#term = `${this.#clock.now()} ${this.#clock.random()}`;
    this.#number = 0;
    this.#beat();
    this.#listener.onRole("leader");
  }

  /** Another tab took the lock. */
  #follow(): void {
    if (this.#hasLeft) return;
    this.#role = "follower";
    this.#heardAt = this.#clock.now();
    this.#hold("wait");
    this.#listener.onRole("follower");
    // There is a leader who told its status before this tab listened.
    this.#post({ kind: "joined" });
  }

  #tickLater(): void {
    this.#endTimer = this.#clock.after(heartbeat_ms, () => this.#tick());
  }

  #tick(): void {
    this.#tickLater();
    const now = this.#clock.now();
    // Who slept could not hear: then the silence begins now.
    if (now - this.#checkedAt > 2 * heartbeat_ms) this.#heardAt = now;
    this.#checkedAt = now;
    if (this.#role === "leader") this.#beat();
    else if (now - this.#heardAt > deaf_ms && this.#environment.isVisible()) {
      this.#heardAt = now;
      this.#hold("steal");
    }
  }

  #beat(): void {
    this.#post({ kind: "beat", term: this.#term, number: this.#number });
  }

  #hear(wire: Wire): void {
    if (this.#hasLeft) return;
    switch (wire.kind) {
      case "joined":
        if (this.#role === "leader") this.#listener.onJoined();
        return;
      case "follower":
        if (this.#role === "leader") this.#listener.onFollowerMessage(wire.message);
        return;
      case "beat":
      case "leader":
        if (this.#role === "follower") this.#hearLeader(wire);
    }
  }

  #hearLeader(wire: Extract<Wire, { term: string }>): void {
    this.#heardAt = this.#clock.now();
    const expected = this.#heardNumber + (wire.kind === "leader" ? 1 : 0);
    if (wire.term !== this.#heardTerm || wire.number !== expected) this.#line += 1;
    this.#heardTerm = wire.term;
    this.#heardNumber = wire.number;
    if (wire.kind === "leader") this.#listener.onLeaderMessage(wire.message, `${wire.term} ${this.#line}`);
  }
}
