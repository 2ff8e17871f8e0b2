/**
 * The contract between `sync/` and `store/`: one feed per tab brings everything that happens. In the leader tab it comes from the
 * engine (`/events`, or the long poll where event streams are broken), in the others from the leader through a
 * BroadcastChannel; the store does not know which, and never needs to: a replica that finds a gap fills it itself.
 *
 *   changes   apply if `from` is the replica's rev, or null (a snapshot: forget what is not in it). Otherwise ask
 *             `GET /changes?since=` of the own rev first.
 *   chunk     `applyChunk` (stream_state.ts) decides: next, old, or a gap. After a gap `catchUp` (catch_up.ts) reads on from the
 *             position. `connection` is what it wants to know beside the chunk; two connections never have the same name.
 */
import type { Changes, ChunkEvent, Position, Problem, Rev } from "../protocol/types.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Connection, type ConnectionApi } from "./connection.ts";
import { debug } from "./debug.ts";
import { defaultEnvironment, type Environment, type PageEvent } from "./environment.ts";
import { statusOf } from "./feed_status.ts";
import { guarded } from "./guarded.ts";
import { type Membership, onlyTab, type Role, type Tabs, type TabsListener } from "./tabs.ts";

export type FeedEvent =
  | { readonly kind: "changes"; readonly changes: Changes; readonly rev: Rev; readonly from: Rev | null }
  | { readonly kind: "chunk"; readonly event: ChunkEvent; readonly connection: string }
  /** The engine said 401; the feed rests until `resume()`. */
  | { readonly kind: "signed_out" };

/** What a (re)connection begins from; asked each time, so that cursors are always fresh. */
export interface FeedStart {
  /** The replica's rev; null asks for a snapshot. */
  readonly since: Rev | null;
  /** Where the replica is in each task it holds text of. Tasks left out are sent from their start. */
  readonly cursors: ReadonlyMap<string, Position>;
}

export interface FeedOptions {
  readonly start: () => FeedStart;
  /**
   * Asked before each connection, if given: null lets it be made, a problem is taken as if the engine had answered with it.
   * What is behind the address may be another installation than before (`Api.me`), whose events are not for this replica.
   */
  readonly admit?: (signal: AbortSignal) => Promise<Problem | null>;
  readonly onEvent: (event: FeedEvent) => void;
  readonly onStatus: (status: FeedStatus) => void;
}

export interface FeedStatus {
  readonly state:
    | { readonly kind: "connecting" }
    | { readonly kind: "connected"; readonly since: number }
    | { readonly kind: "waiting"; readonly retryAt: number; readonly cause: string; readonly tries: number }
    | { readonly kind: "offline" }
    | { readonly kind: "stopped" };
  readonly transport: "events" | "poll";
  readonly role: "leader" | "follower";
}

export interface Feed {
  start(): void;
  /** Connects at once if it waits or rests (the network is back, somebody signed in, a person pressed the button). */
  resume(): void;
  /** Gives up leadership, tells the other tabs, closes the connection. */
  stop(): void;
}

export interface FeedPorts {
  readonly api: ConnectionApi;
  /** `defaultTabs(NAME)` shares the connection among the tabs of a browser; without it this one has its own. */
  readonly tabs?: Tabs;
  readonly clock?: Clock;
  readonly environment?: Environment;
}

export function createFeed(options: FeedOptions, ports: FeedPorts): Feed {
  return new TabFeed(options, ports);
}

/** What goes from tab to tab. */
type TabMessage =
  | { readonly kind: "event"; readonly event: FeedEvent }
  | { readonly kind: "status"; readonly status: FeedStatus }
  | { readonly kind: "resume" };

class TabFeed implements Feed, TabsListener {
  readonly #options: FeedOptions;
  readonly #tabs: Tabs;
  readonly #environment: Environment;
  readonly #connection: Connection;
  #membership: Membership | null = null;
  #role: Role = "follower";
  #endListening: (() => void) | null = null;

  constructor(options: FeedOptions, ports: FeedPorts) {
    const { api, tabs = onlyTab, clock = systemClock, environment = defaultEnvironment() } = ports;
    this.#options = options;
    this.#tabs = tabs;
    this.#environment = environment;
    this.#connection = new Connection({
      api,
      clock,
      environment,
      start: options.start,
      ...(options.admit === undefined ? {} : { admit: options.admit }),
      onEvent: (event) => this.#bring(event),
      onState: () => this.#tellStatus(),
    });
  }

  start(): void {
    if (this.#endListening !== null) return;
    this.#endListening = this.#environment.listen((event) => this.#hearPage(event));
    this.#join();
  }

  resume(): void {
    if (this.#role === "leader") this.#connection.send({ kind: "resume" });
    else this.#tell({ kind: "resume" });
  }

  stop(): void {
    this.#endListening?.();
    this.#endListening = () => {};
    // First: the others shall hear of the next leader, not of this one's end.
    this.#leave();
    this.#connection.send({ kind: "stop" });
    this.#options.onStatus(statusOf(this.#connection.state, "follower"));
  }

  onRole(role: Role): void {
    debug(role);
    this.#role = role;
    if (role === "leader") this.#connection.send({ kind: "lead" });
    else {
      this.#connection.send({ kind: "step_down" });
      this.#options.onStatus(statusOf(this.#connection.state, role));
    }
  }

  onLeaderMessage(message: unknown, line: string): void {
    // All tabs run this code; one of another version is replaced when it is loaded again, and says nothing that breaks rules.
    const said = message as TabMessage;
    if (said.kind === "status") this.#options.onStatus({ ...said.status, role: "follower" });
    if (said.kind !== "event") return;
    const { event } = said;
    this.#options.onEvent(
      event.kind === "chunk" ? { ...event, connection: `${event.connection} ${line}` } : event,
    );
  }

  onFollowerMessage(message: unknown): void {
    if ((message as TabMessage).kind === "resume") this.resume();
  }

  onJoined(): void {
    this.#tell({ kind: "status", status: this.#status() });
  }

  /** A page that may be stopped for long gives the connection up, so that another tab has it at once. */
  #hearPage(event: PageEvent): void {
    if (event === "frozen" || event === "leaving") {
      this.#leave();
      this.#connection.hear(event);
    } else if (event === "shown" && this.#membership === null) this.#comeBack();
    else this.#connection.hear(event);
  }

  #join(): void {
    this.#role = "follower";
    this.#membership = this.#tabs.join(this);
  }

  /** Whatever the others have told meanwhile was missed: to whoever listens this is a new beginning. */
  #comeBack(): void {
    this.#connection.send({ kind: "step_down" });
    this.#options.onStatus(statusOf(this.#connection.state, "follower"));
    this.#join();
  }

  #leave(): void {
    this.#membership?.leave();
    this.#membership = null;
    this.#role = "follower";
  }

  /** This tab first: what the others hear it has. */
  #bring(event: FeedEvent): void {
    guarded(() => this.#options.onEvent(event));
    this.#tell({ kind: "event", event });
  }

  #tellStatus(): void {
    if (this.#role !== "leader") return;
    const status = this.#status();
    this.#options.onStatus(status);
    this.#tell({ kind: "status", status });
  }

  #status(): FeedStatus {
    return statusOf(this.#connection.state, this.#role);
  }

  #tell(message: TabMessage): void {
    this.#membership?.tell(message);
  }
}
