/** What went wrong, as a value. */
import { Fields } from "./fields.ts";
import type { Problem, Reply } from "./types.ts";

export function networkProblem(detail: string): Problem {
  return ours("network", "No reply came", detail, 0);
}

export function abortedProblem(): Problem {
  return ours("aborted", "Called off", "Nobody waits for the reply any more.", 0);
}

export function unexpectedProblem(status: number, detail: string): Problem {
  return ours("unexpected_reply", "The reply makes no sense", detail, status);
}

export function failed(problem: Problem): Reply<never> {
  return { ok: false, problem };
}

function ours(code: string, title: string, detail: string, status: number): Problem {
  return { code, status, title, detail, request_id: null, retry_after_ms: null };
}

/** Of a reply that is no success. What is not problem+json (a proxy said it) becomes `unexpected_reply` with its status. */
export async function problemOf(response: Response): Promise<Problem> {
  const retry_after_ms = parseRetryAfter(response.headers.get("Retry-After"), Date.now());
  try {
    const fields = new Fields(await response.json(), "problem");
    return {
      code: fields.text("code"),
      status: response.status,
      title: fields.text("title"),
      detail: fields.text("detail"),
      request_id: fields.textOrNull("request_id"),
      retry_after_ms,
    };
  } catch {
    const problem = unexpectedProblem(response.status, `The server answered with status ${response.status}.`);
    return { ...problem, request_id: response.headers.get("X-Request-Id"), retry_after_ms };
  }
}

/** Seconds, or a date (RFC 9110). Null if there is none, or none that can be read. */
export function parseRetryAfter(text: string | null, now: number): number | null {
  if (text === null) return null;
  if (/^\s*\d{1,9}\s*$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
