/** What the parts of the store share. Made once, in throughline.ts. */
import type { Problem, Reply } from "../protocol/types.ts";
import type { Clock } from "../sync/clock.ts";
import type { CachePort } from "./cache_port.ts";
import type { Outcome } from "./contract.ts";
import type { Engine } from "./engine.ts";
import type { StoreEnvironment } from "./environment.ts";
import type { Keys } from "./keys.ts";
import type { Outbox } from "./outbox.ts";
import type { Batch } from "./readable.ts";
import type { Replica } from "./replica.ts";
import type { Sessions } from "./sessions.ts";
import type { Streams } from "./streams.ts";

export interface Parts {
  readonly engine: Engine;
  readonly replica: Replica;
  readonly streams: Streams;
  readonly sessions: Sessions;
  readonly outbox: Outbox;
  readonly keys: Keys;
  readonly cache: CachePort;
  readonly batch: Batch;
  readonly clock: Clock;
  readonly environment: StoreEnvironment;
  /** Resolves when somebody is known and the cache was read. */
  readonly ready: () => Promise<void>;
  /** Whether the engine can be asked, as far as anybody knows. */
  readonly isReachable: () => boolean;
}

export const done: Outcome = { ok: true };

export function refused(problem: Problem): Outcome {
  return { ok: false, problem };
}

export function outcomeOf(reply: Reply<unknown>): Outcome {
  return reply.ok ? done : refused(reply.problem);
}

/** A problem found here, in the engine's words. */
export function ourProblem(code: string, title: string, detail: string): Problem {
  return { code, status: 0, title, detail, request_id: null, retry_after_ms: null };
}
