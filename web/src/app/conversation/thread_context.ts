import type { ConversationStore } from "@throughline/client";
import { createContext, useContext } from "react";

/** What a message can ask of the view around it. The same object as long as the conversation is shown. */
export interface ThreadCommands {
  readonly store: ConversationStore;
  /** Sends the next message, and makes room for the answer. */
  send(content: string): void;
  /** Opens the editor in a question, or closes it (null). */
  edit(key: string | null): void;
  /** Opens it in a question where something is half written, unless another one is open. Returns whether it is this one's now. */
  reopen(key: string): boolean;
  /** Sends another version of a question. */
  sendEdit(key: string, content: string): void;
  regenerate(key: string, model?: string): void;
  /** Throws an unsent message away; its text goes to the composer. */
  discard(key: string): void;
}

export const ThreadContext = createContext<ThreadCommands | null>(null);

export function useThread(): ThreadCommands {
  const commands = useContext(ThreadContext);
  if (commands === null) throw new Error("There is no ThreadContext above this message");
  return commands;
}
