import type { MessageStatus } from "../protocol/types.ts";

/** Nothing follows any more. */
export function isTerminal(status: MessageStatus): status is "completed" | "cancelled" | "error" {
  return status === "completed" || status === "cancelled" || status === "error";
}
