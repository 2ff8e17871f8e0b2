/** What holds for a row of the outbox, whatever the outbox is doing: how it is sent, recognised, and given up. */
import type { Message, Problem, Reply, Submission } from "../protocol/types.ts";
import type { OutboxRow } from "./cache_port.ts";
import type { Engine } from "./engine.ts";
import { ourProblem } from "./parts.ts";
import type { Replica } from "./replica.ts";

/** The engine knows an idempotency key for a day. What may be there already is not sent later than this by itself. */
const key_lives_ms = 23 * 3_600_000;

/** Whether the engine may have forgotten the key of what was tried then. */
export function isTooLate(triedAt: number, now: number): boolean {
  return now - triedAt > key_lives_ms;
}

export function submitRow(
  engine: Engine,
  row: OutboxRow,
  conversationId: string,
): Promise<Reply<Submission>> {
  const model = row.model ?? undefined;
  switch (row.what.kind) {
    case "begin":
      return engine.begin(
        { content: row.content, model, system_prompt: row.what.systemPrompt },
        row.idempotencyKey,
      );
    case "edit":
      return engine.edit(row.what.messageId, row.content, row.idempotencyKey);
    case "post": {
      const post = { content: row.content, parent_id: row.what.parentId ?? undefined, model };
      return engine.post(conversationId, post, row.idempotencyKey);
    }
  }
}

/** What is kept of a row once the engine has it: not the texts. */
export function sentRow(row: OutboxRow, sent: Submission): OutboxRow {
  const what: OutboxRow["what"] = row.what.kind === "begin" ? { kind: "begin" } : row.what;
  return { ...row, what, content: "", sent };
}

/** Whether a question that just came may be the one of this row, by its words and its place. */
export function looksLike(
  row: OutboxRow,
  message: Message,
  replica: Replica,
  conversationId: string,
): boolean {
  if (message.content !== row.content) return false;
  switch (row.what.kind) {
    case "begin":
      return message.parent_id === null && replica.messagesOf(message.conversation_id).size <= 2;
    case "post":
      if (message.conversation_id !== conversationId) return false;
      return row.what.parentId === null || row.what.parentId === message.parent_id;
    case "edit":
      return replica.messages.get(row.what.messageId)?.parent_id === message.parent_id;
  }
}

export const tried_long_ago: Problem = ourProblem(
  "tried_long_ago",
  "It may have been sent",
  "This was on its way more than a day ago, and no reply came. If it is not in the conversation, send it again.",
);

/** No reply, or none of the engine (the page of a network that wants a login), busy, or full: it may be taken later. */
export function mayPass({ code, status }: Problem): boolean {
  return (
    code === "network" ||
    (code === "unexpected_reply" && status < 400) ||
    [401, 408, 429].includes(status) ||
    status >= 500
  );
}
