/** A conversation as a text of its own, for people (Markdown: the shown branch) and for programs (JSON: everything). */
import type { Conversation, Message } from "../protocol/types.ts";

export function exportConversation(
  conversation: Conversation,
  shown: readonly Message[],
  all: readonly Message[],
  format: "markdown" | "json",
): { readonly name: string; readonly text: string } {
  const base = fileName(conversation.title);
  if (format === "json") {
    return { name: `${base}.json`, text: conversationJson(conversation, all) };
  }
  return { name: `${base}.md`, text: conversationMarkdown(conversation, shown) };
}

export function conversationJson(conversation: Conversation, messages: readonly Message[]): string {
  const sorted = [...messages].sort((left, right) => left.seq - right.seq);
  return `${JSON.stringify({ conversation, messages: sorted }, null, 2)}\n`;
}

export function conversationMarkdown(conversation: Conversation, messages: readonly Message[]): string {
  const lines = [`# ${conversation.title}`, ""];
  for (const message of messages) {
    const who = { user: "You", assistant: message.model ?? "Assistant", system: "System" }[message.role];
    lines.push(`## ${who}`, "", message.content, "");
    if (message.status === "cancelled") lines.push("*Stopped.*", "");
    if (message.error !== null) lines.push(`*${message.error.message}*`, "");
  }
  return lines.join("\n");
}

/** What every file system takes, and still says what it is. */
function fileName(title: string): string {
  const plain = title
    .normalize("NFC")
    .replaceAll(/[^\p{L}\p{N} ._-]+/gu, " ")
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll(/^[.\s]+|[.\s]+$/g, "");
  return [...plain].slice(0, 60).join("").trim() || "conversation";
}
