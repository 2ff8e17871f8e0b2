import type { MessageView } from "@throughline/client";
import { countText } from "./numbers.ts";

/** What an answer of which no text has come yet says about itself; null when there is text, or it has ended. */
export function waitingText(message: MessageView): string | null {
  if (!message.live || message.content !== "" || message.reasoning !== "") return null;
  if (message.status !== "queued") return "Waiting for the first word";
  if (message.queuePlace === null || message.queuePlace <= 0) return "Starting";
  return `Queued: ${countText(message.queuePlace, "answer")} in front`;
}

/** What a question says about its way to the server; null when it has arrived. */
export function sendingText(message: MessageView): string | null {
  switch (message.status) {
    case "waiting":
      return "Kept here. Will be sent when the network is back.";
    case "sending":
      return "Sending";
    default:
      return null;
  }
}
