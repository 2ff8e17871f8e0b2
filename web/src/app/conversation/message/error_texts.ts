import type { AnswerError, Problem } from "@throughline/client";

/** What a person is told of an answer that failed, and the one thing to do about it. */
export interface Trouble {
  /** What happened, as a sentence. */
  readonly what: string;
  /** Whether what there is so far is safe, as a sentence. */
  readonly safe: string;
  /** What helps, if it is not pressing the button. */
  readonly advice: string | null;
  /** What the one button does: asks for another answer, of the same model or of one to be chosen. */
  readonly action: "again" | "other_model";
}

interface Entry {
  readonly what: string;
  readonly advice?: string;
  readonly action?: Trouble["action"];
}

const changeTheKey = "The key is part of the server's configuration; whoever runs it can change it.";

/** By the codes that an answer can end with. A code that is not here is told in the engine's own words. */
const entries: Readonly<Record<string, Entry>> = {
  provider_unreachable: { what: "The model could not be reached." },
  provider_unavailable: { what: "The model's server is overloaded or out of order." },
  provider_rate_limited: {
    what: "The model's server asks to slow down.",
    advice: "A minute's wait usually helps.",
  },
  provider_refused: {
    what: "The model's server refused this request.",
    advice: "Another model, or another way to put the question, may work.",
  },
  provider_unauthorized: {
    what: "The model's server did not accept the key it was shown.",
    advice: changeTheKey,
  },
  provider_timeout: { what: "The model stopped sending, or took too long." },
  provider_truncated: { what: "The model broke off in the middle." },
  provider_bad_response: { what: "The model's server sent something that could not be read." },
  provider_error: { what: "The model reported an error while it was writing." },
  provider_missing: { what: "Nobody serves the model of this answer any more.", action: "other_model" },
  worker_lost: { what: "The processes that wrote this answer broke down too often." },
  storage_full: { what: "The server has no space left to store more of this answer." },
  storage_failed: { what: "The server's database did not take the answer." },
};

/** `hasText`: some of the answer arrived. */
export function troubleOf(error: AnswerError | null, hasText: boolean): Trouble {
  const entry = error === null ? undefined : entries[error.code];
  return {
    what: entry?.what ?? sentence(error?.message ?? "") ?? "The answer ended in an error.",
    safe: hasText ? "The text so far is kept." : "Your question is kept.",
    advice: entry?.advice ?? null,
    action: entry?.action ?? "again",
  };
}

/** Why a message was not taken, by the code of the refusal. */
const refusals: Readonly<Record<string, string>> = {
  network: "The server could not be reached.",
  payload_too_large: "The message is longer than the server takes.",
  too_many_requests: "Too much is under way at once; the server asks to wait.",
  unauthorized: "You are signed out.",
  not_found: "This conversation has been deleted.",
  overloaded: "The server is busy.",
  unavailable: "The server is starting or stopping.",
  storage_full: "The server has no space left.",
  storage_failed: "The server's database did not take it.",
  internal: "The server made a mistake.",
};

/** Why something that was asked of the engine did not happen, as a sentence. */
export function refusalOf(problem: Problem | null): string {
  if (problem === null) return "It could not be sent.";
  return (
    refusals[problem.code] ?? sentence(problem.detail) ?? sentence(problem.title) ?? "It could not be sent."
  );
}

/** Why an answer began again, by the reason of its reset. */
export function restartText(reason: string | null): string {
  switch (reason) {
    case "worker_lost":
      return "Began again: the worker was lost. Nothing of the new text is missing.";
    case "provider_failed":
      return "Began again: the model broke off. Nothing of the new text is missing.";
    case "resumed_from_store":
    case "position_unknown":
      return "Read again from the server's copy. Nothing is missing.";
    default:
      return "Began again. Nothing of the new text is missing.";
  }
}

/** Words as a sentence with an end; null when there are none. */
function sentence(words: string): string | null {
  const trimmed = words.trim();
  if (trimmed === "") return null;
  return /[.!?…]$/u.test(trimmed) ? trimmed : `${trimmed}.`;
}
