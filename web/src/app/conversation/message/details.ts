import type { MessageView } from "@throughline/client";
import { durationText } from "./numbers.ts";

const finishReasons: Readonly<Record<string, string>> = {
  stop: "The model had finished",
  length: "The model's limit was reached",
  cancelled: "Stopped",
  content_filter: "The provider's filter",
};

const grouped = new Intl.NumberFormat("en");

/** What is known of an answer, as pairs of a name and a value, in the order they are read. What is not known is left out. */
export function detailsOf(
  message: MessageView,
  provider: string | null,
): readonly (readonly [string, string])[] {
  const rows: [string, string][] = [];
  const add = (name: string, value: string | null) => {
    if (value !== null && value !== "") rows.push([name, value]);
  };
  const { usage } = message;
  const about = usage?.estimated === true ? "about " : "";
  add("Model", message.model);
  add("Provider", provider);
  add("Tokens in", usage === null ? null : `${about}${grouped.format(usage.input_tokens)}`);
  add("Tokens out", usage === null ? null : `${about}${grouped.format(usage.output_tokens)}`);
  add("First word after", message.ttftMs === null ? null : durationText(message.ttftMs));
  add("Whole answer", message.latencyMs === null ? null : durationText(message.latencyMs));
  add(
    "Ended",
    message.finishReason === null ? null : (finishReasons[message.finishReason] ?? message.finishReason),
  );
  add("Attempts", message.attempt > 1 ? String(message.attempt) : null);
  add("Position", message.position);
  add("Written", new Date(message.createdAt).toLocaleString());
  return rows;
}
