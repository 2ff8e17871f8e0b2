import type { Outcome } from "@throughline/client";
import { showToast } from "../../ui/toast_store.ts";
import { refusalOf } from "./message/error_texts.ts";

/** Says so when something that was asked for did not happen; nothing when it did. `what` has no end mark. */
export function tellOutcome(what: string, outcome: Outcome): void {
  if (!outcome.ok)
    showToast({ text: `${what}. ${refusalOf(outcome.problem)}`, tone: "problem", duration: 10_000 });
}
