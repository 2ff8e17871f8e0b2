/** Who is told of what: which views have to be computed anew when something became known. */
import type { Activity } from "./activity.ts";
import type { Connection } from "./connection.ts";
import type { ConversationStores } from "./conversation_stores.ts";
import type { Drafts } from "./drafts.ts";
import type { Conversations } from "./list.ts";
import type { Parts } from "./parts.ts";
import type { Merged } from "./replica.ts";

export interface Views {
  readonly stores: ConversationStores;
  readonly conversations: Conversations;
  readonly activity: Activity;
  readonly connection: Connection;
  readonly drafts: Drafts;
  /** The engine said everything anew: what was known of pages and of what was tried does not hold. */
  readonly onSnapshot: () => void;
}

/** Everything may have changed. */
export function tellAll({ stores, conversations, activity }: Views): void {
  stores.invalidate();
  conversations.invalidate();
  activity.invalidate();
}

/** Watches for as long as the parts live. */
export function tellViews({ replica, streams, outbox, sessions }: Parts, views: Views): void {
  const { stores, conversations, activity, connection, drafts, onSnapshot } = views;
  const tellLists = () => {
    conversations.invalidate();
    activity.invalidate();
  };
  replica.onMerge((merged) => {
    if (merged.origin === "snapshot") onSnapshot();
    const touched = touchedBy(merged);
    for (const store of stores.all()) {
      if (merged.origin === "snapshot") store.history.begin("again");
      else if (merged.removed.includes(store.id)) store.history.begin("missing");
      else if (!touched.has(store.id)) continue;
      else if (store.history.isMissing && replica.conversations.has(store.id)) store.history.begin("again");
      store.invalidate();
      if (store.isOpen && store.history.isUntouched) void store.history.load();
    }
    connection.setRev(replica.rev);
    tellLists();
  });
  streams.watch((taskId, text) => {
    const ended = text === null || text.ended !== null;
    const message = streams.messageOf(taskId);
    if (message !== undefined) stores.invalidateMessage(message.id, ended);
    else stores.invalidateTask(taskId);
    if (ended) tellLists();
  });
  outbox.onChange((conversationId) => {
    const id = outbox.resolve(conversationId);
    if (id !== conversationId) drafts.move(conversationId, id);
    stores.find(id)?.invalidate();
    tellLists();
  });
  sessions.onChange((id) => {
    stores.find(id)?.invalidate();
    tellLists();
  });
}

/** Ids of the conversations that something was learnt of. */
function touchedBy(merged: Merged): ReadonlySet<string> {
  return new Set([
    ...merged.removed,
    ...merged.conversations.map(({ id }) => id),
    ...merged.messages.map(({ now }) => now.conversation_id),
    ...merged.tasks.map((task) => task.conversation_id),
  ]);
}
