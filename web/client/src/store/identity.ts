/**
 * Who is asking. The browser remembers the last one, so that the page starts without the engine; the engine has the last
 * word, before anything is read from it, and again before each reconnect: another installation may answer there now.
 */
import type { Me, Problem } from "../protocol/types.ts";
import { backoffMs } from "../sync/backoff.ts";
import type { Clock } from "../sync/clock.ts";
import type { Identity, Readable } from "./contract.ts";
import type { Engine } from "./engine.ts";
import type { StoreEnvironment } from "./environment.ts";
import { ourProblem } from "./parts.ts";
import { type Batch, Cell } from "./readable.ts";

export interface IdentityParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly environment: StoreEnvironment;
  readonly batch: Batch;
  readonly baseUrl: string;
  /** Another owner than before: everything of the one before is to be forgotten, and what is kept of this one read. */
  readonly onOwner: (owner: string) => Promise<void>;
  readonly onConfirmed: () => void;
  readonly onSignedOut: () => void;
  readonly onUnreachable: (problem: Problem, retryAt: number, tries: number) => void;
}

const confirmed_fresh_ms = 5_000;

export class WhoIsAsking implements Readable<Identity> {
  readonly #parts: IdentityParts;
  readonly #cell: Cell<Identity>;
  #owner: string | null = null;
  /** Resolves when what is kept of the owner has been read. */
  #owned = Promise.resolve();
  #tries = 0;
  #endWaiting: (() => void) | null = null;
  #asking: Promise<void> | null = null;
  #stopped = false;
  #confirmedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: IdentityParts) {
    this.#parts = parts;
    this.#cell = new Cell<Identity>(parts.batch, { kind: "unknown" });
  }

  get(): Identity {
    return this.#cell.get();
  }

  subscribe(listener: () => void): () => void {
    return this.#cell.subscribe(listener);
  }

  /** Whose cache is shown; null: nobody's. */
  get owner(): string | null {
    return this.#owner;
  }

  get isConfirmed(): boolean {
    const identity = this.get();
    return identity.kind === "known" && identity.confirmed;
  }

  async start(): Promise<void> {
    const remembered = readMe(this.#parts.environment.texts.get(this.#name()));
    // The engine answers while the cache is read.
    if (remembered !== null) void this.#become(remembered, false);
    await this.ask();
  }

  /** Asks the engine, now, even if it waits to do so. */
  ask(): Promise<void> {
    this.#endWaiting?.();
    this.#endWaiting = null;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** Before a connection is made: null if the same owner is answered as before. Who was confirmed just now is not asked again. */
  async admit(owner: string, signal: AbortSignal): Promise<Problem | null> {
    const isFresh = this.#parts.clock.now() - this.#confirmedAt < confirmed_fresh_ms;
    this.#confirmedAt = Number.NEGATIVE_INFINITY;
    if (isFresh && owner === this.#owner) return null;
    const reply = await this.#parts.engine.me(signal);
    if (!reply.ok) return reply.problem;
    if (ownerOf(reply.value) === owner) return null;
    if (!signal.aborted) void this.ask();
    return ourProblem(
      "unexpected_reply",
      "Another installation",
      "Another installation of Throughline answers here now.",
    );
  }

  /** The engine said 401, to this or to any other call. */
  signedOut(): void {
    this.#owner = null;
    this.#parts.environment.texts.set(this.#name(), null);
    this.#cell.set({ kind: "signed_out" });
    this.#parts.onSignedOut();
  }

  stop(): void {
    this.#stopped = true;
    this.#endWaiting?.();
  }

  async #ask(): Promise<void> {
    const reply = await this.#parts.engine.me();
    if (this.#stopped) return;
    if (reply.ok) {
      this.#tries = 0;
      if (!(await this.#become(reply.value, true))) return;
      this.#confirmedAt = this.#parts.clock.now();
      this.#parts.onConfirmed();
    } else if (reply.problem.status === 401) this.signedOut();
    else {
      // What is kept is shown before it is said that there is no more.
      await this.#owned;
      if (!this.#stopped) this.#wait(reply.problem);
    }
  }

  /** False if it is somebody else by then. */
  async #become(me: Me, confirmed: boolean): Promise<boolean> {
    const owner = ownerOf(me);
    if (owner !== this.#owner) {
      this.#owner = owner;
      // From here on it is theirs what is shown, and what is written.
      this.#cell.set({ kind: "known", me, confirmed: false });
      this.#owned = this.#parts.onOwner(owner);
    }
    // Nobody is confirmed before that: the first question to the engine is for what is newer than the cache.
    await this.#owned;
    if (this.#stopped || this.#owner !== owner) return false;
    this.#parts.environment.texts.set(this.#name(), JSON.stringify(me));
    this.#cell.set({ kind: "known", me, confirmed });
    return true;
  }

  #wait(problem: Problem): void {
    this.#tries += 1;
    const delay = backoffMs(this.#tries, this.#parts.clock.random(), problem.retry_after_ms);
    this.#endWaiting = this.#parts.clock.after(delay, () => void this.ask());
    this.#parts.onUnreachable(problem, this.#parts.clock.now() + delay, this.#tries);
  }

  #name(): string {
    return `throughline:me:${this.#parts.baseUrl}`;
  }
}

function ownerOf(me: Me): string {
  return `${me.installation}:${me.principal}`;
}

function readMe(text: string | null): Me | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isMe(value) ? value : null;
  } catch {
    return null;
  }
}

function isMe(value: unknown): value is Me {
  if (typeof value !== "object" || value === null) return false;
  const member = (name: string) =>
    name in value ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  return (
    typeof member("principal") === "string" &&
    typeof member("installation") === "string" &&
    typeof member("version") === "string" &&
    (member("signed_in") === "open" || member("signed_in") === "token")
  );
}
