/** Hooks for those who want callbacks and counts instead of views. Both are driven by the one event stream of the browser. */
import type { ActivityView, Followed } from "@throughline/client";
import { useEffect, useState } from "react";
import { useActivity, useThroughline } from "./throughline.tsx";

export interface ChatStreaming {
  /** Follows an answer; following it again replaces the callbacks. As many at once as one likes. */
  connectStream(followed: Followed): void;
  /** Ends the following of one answer, or of all. The answers themselves go on. */
  disconnectStream(messageId?: string): void;
}

/** What is followed ends with the component. The functions are the same at every call. */
export function useChatStreaming(): ChatStreaming {
  const client = useThroughline();
  const [streaming] = useState(() => {
    const following = new Map<string, () => void>();
    const disconnectStream = (messageId?: string) => {
      const ids = messageId === undefined ? [...following.keys()] : [messageId];
      for (const id of ids) {
        following.get(id)?.();
        following.delete(id);
      }
    };
    const connectStream = (followed: Followed) => {
      disconnectStream(followed.messageId);
      following.set(followed.messageId, client.follow(followed));
    };
    return { connectStream, disconnectStream };
  });
  useEffect(() => () => streaming.disconnectStream(), [streaming]);
  return streaming;
}

/** What is being written elsewhere: everything that runs, but for the conversation that is shown. */
export function useBackgroundStreamMonitor(shownConversationId?: string): {
  readonly running: ActivityView["running"];
  readonly unreadTotal: number;
} {
  const { running, unreadTotal } = useActivity();
  const elsewhere = running.filter((each) => each.conversationId !== shownConversationId);
  return { running: elsewhere, unreadTotal };
}
