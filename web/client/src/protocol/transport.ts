/** One HTTP request of the engine and its reply as a value: addresses, credentials, time limits and problems. */
import { DecodeError, type Decoder } from "./fields.ts";
import { abortedProblem, failed, networkProblem, problemOf, unexpectedProblem } from "./problem.ts";
import type { Reply } from "./types.ts";

export interface TransportOptions {
  /** Where the engine is, like `http://127.0.0.1:8080`; "": where the page comes from. */
  readonly baseUrl: string;
  /** The global one unless given. */
  readonly fetch?: typeof fetch | undefined;
  /** An access token, for programs; browsers have a cookie. */
  readonly token?: string | undefined;
  /** How long a reply may take, beyond what it was asked to wait; 20 s unless given. */
  readonly timeoutMs?: number | undefined;
}

type Query = Readonly<Record<string, string | number | undefined>>;

interface SendOptions {
  readonly key?: string;
  readonly signal: AbortSignal | undefined;
}

const timeout_ms_default = 20_000;

export class Transport {
  readonly #baseUrl: string;
  readonly #fetch: typeof fetch;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #credentials: RequestCredentials;
  readonly #timeoutMs: number;

  constructor(options: TransportOptions) {
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    // Called as a method of anything but the window, a browser's fetch refuses.
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#headers = options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` };
    this.#credentials = isElsewhere(this.#baseUrl) ? "include" : "same-origin";
    this.#timeoutMs = options.timeoutMs ?? timeout_ms_default;
  }

  get<T>(
    path: string,
    query: Query,
    decode: Decoder<T>,
    signal: AbortSignal | undefined,
    waitMs = 0,
  ): Promise<Reply<T>> {
    return this.#json(path + queryOf(query), { headers: this.#accepting("json") }, decode, signal, waitMs);
  }

  send<T>(
    method: "POST" | "PATCH" | "DELETE",
    path: string,
    body: unknown,
    decode: Decoder<T>,
    { key, signal }: SendOptions,
  ): Promise<Reply<T>> {
    const headers = {
      ...this.#accepting("json"),
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(key === undefined ? {} : { "Idempotency-Key": key }),
    };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return this.#json(path, init, decode, signal, 0);
  }

  /** An event stream, once its head is there. Without a time limit: whoever asks has one of its own, in `signal`. */
  async open(path: string, query: Query, signal: AbortSignal): Promise<Reply<ReadableStream<Uint8Array>>> {
    try {
      const init = { headers: this.#accepting("events"), cache: "no-store" as const };
      const response = await this.#request(path + queryOf(query), init, signal);
      if (!response.ok) return failed(await problemOf(response));
      const type = response.headers.get("Content-Type") ?? "";
      if (response.body === null || !type.startsWith("text/event-stream")) {
        await response.body?.cancel();
        return failed(unexpectedProblem(response.status, `Instead of an event stream came '${type}'.`));
      }
      return { ok: true, value: response.body };
    } catch {
      return signal.aborted ? failed(abortedProblem()) : unreachable();
    }
  }

  async #json<T>(
    address: string,
    init: RequestInit,
    decode: Decoder<T>,
    signal: AbortSignal | undefined,
    waitMs: number,
  ): Promise<Reply<T>> {
    const limit = new AbortController();
    const callOff = () => limit.abort();
    const timer = setTimeout(callOff, this.#timeoutMs + waitMs);
    signal?.addEventListener("abort", callOff);
    try {
      if (signal?.aborted) return failed(abortedProblem());
      const response = await this.#request(address, init, limit.signal);
      if (!response.ok) return failed(await problemOf(response));
      const text = await response.text();
      return decodeBody(text, response.status, decode);
    } catch {
      if (signal?.aborted) return failed(abortedProblem());
      return limit.signal.aborted
        ? failed(networkProblem("The server did not answer in time."))
        : unreachable();
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", callOff);
    }
  }

  #request(address: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    return this.#fetch(this.#baseUrl + address, { ...init, credentials: this.#credentials, signal });
  }

  #accepting(what: "json" | "events"): Record<string, string> {
    const accept = what === "json" ? "application/json" : "text/event-stream";
    return { ...this.#headers, Accept: accept };
  }
}

function decodeBody<T>(text: string, status: number, decode: Decoder<T>): Reply<T> {
  try {
    return { ok: true, value: decode(text === "" ? undefined : JSON.parse(text), "reply") };
  } catch (error) {
    const where = error instanceof DecodeError ? ` (${error.message})` : "";
    return failed(unexpectedProblem(status, `The reply cannot be understood${where}.`));
  }
}

/** What the fetch of a browser says of it ("Failed to fetch", "Load failed") is for nobody. */
function unreachable(): Reply<never> {
  return failed(networkProblem("The server cannot be reached."));
}

function isElsewhere(baseUrl: string): boolean {
  if (baseUrl === "" || typeof location === "undefined") return false;
  return new URL(baseUrl, location.href).origin !== location.origin;
}

function queryOf(query: Query): string {
  const members = Object.entries(query).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [`${name}=${encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%3A", ":")}`],
  );
  return members.length === 0 ? "" : `?${members.join("&")}`;
}
