import type { ConnectionView } from "@throughline/client";

export type ConnectionTone = "good" | "waiting" | "off";

/** The state of the connection in a word or two, and whether that is good. */
export function connectionWords(view: Pick<ConnectionView, "state">): {
  readonly tone: ConnectionTone;
  readonly text: string;
} {
  switch (view.state.kind) {
    case "connected":
      return { tone: "good", text: "Connected" };
    case "connecting":
      return { tone: "waiting", text: "Connecting" };
    case "waiting":
      return { tone: "waiting", text: "Reconnecting" };
    case "offline":
      return { tone: "off", text: "Offline" };
    case "stopped":
      return { tone: "off", text: "Disconnected" };
  }
}

/**
 * What the banner says, or null when there is nothing to say: what happened, and what is safe. A first connection and
 * the first failed try are nothing yet: most are over before they are read.
 */
export function bannerWords(
  view: Pick<ConnectionView, "state">,
  waitingToSend: number,
): { readonly text: string; readonly canRetry: boolean } | null {
  const kept =
    waitingToSend === 0
      ? "What you write is kept and sent later."
      : waitingToSend === 1
        ? "Your message is kept here and sent as soon as it can be."
        : `Your ${waitingToSend} messages are kept here and sent as soon as they can be.`;
  if (view.state.kind === "offline") return { text: `You are offline. ${kept}`, canRetry: false };
  if (view.state.kind === "waiting" && view.state.tries > 1)
    return {
      text: `No connection to the engine. Answers being written go on there. ${kept}`,
      canRetry: true,
    };
  return null;
}
