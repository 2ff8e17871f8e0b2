/** The cache of the page, for those who want what is kept and no store: that of the store that was made last. */
import type { Message, MessageStatus } from "../protocol/types.ts";
import type { CachePort } from "./cache_port.ts";

export interface ChatCache {
  /** What this browser keeps of a conversation, oldest first. Empty when it keeps nothing. */
  getSessionMessages(sessionId: string): Promise<readonly Message[]>;
  /** Keeps it, unless a newer version of it (`rev`) is kept. */
  saveMessage(message: Message): Promise<void>;
  /** Notes how far an answer is. What has ended is no active stream any more; one that is not kept is not made: its text comes with the feed. */
  markStreamActive(sessionId: string, messageId: string, status: MessageStatus): Promise<void>;
}

let current: CachePort | null = null;

/** For `createThroughline`. */
export function setChatCache(cache: CachePort): void {
  current = cache;
}

export const chatCache: ChatCache = {
  async getSessionMessages(sessionId) {
    const messages = (await current?.messagesOf(sessionId)) ?? [];
    return [...messages].sort((left, right) => left.seq - right.seq);
  },
  async saveMessage(message) {
    await current?.write({ messages: [message] });
  },
  async markStreamActive(sessionId, messageId, status) {
    await current?.markStream(sessionId, messageId, status);
  },
};
