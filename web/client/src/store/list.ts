/** The list of conversations: those of the engine, in its order, and those that begin here. */

import type { ConversationChange } from "../protocol/api.ts";
import type { Conversation } from "../protocol/types.ts";
import type { ConversationList, ConversationListView, ConversationSummary, Outcome } from "./contract.ts";
import { local_prefix, titleOf } from "./conversation.ts";
import type { FirstList } from "./first_list.ts";
import { isTerminal } from "./message_status.ts";
import { done, ourProblem, outcomeOf, type Parts, refused } from "./parts.ts";
import { sameMembers, View } from "./readable.ts";
import type { Titles } from "./titles.ts";

export interface ListParts extends Parts {
  readonly titles: Titles;
  readonly first: FirstList;
  readonly loading: () => ConversationListView["loading"];
}

export class Conversations implements ConversationList {
  readonly #parts: ListParts;
  readonly #view: View<ConversationListView>;
  readonly #hidden = new Set<string>();
  #summaries = new Map<string, ConversationSummary>();

  constructor(parts: ListParts) {
    this.#parts = parts;
    this.#view = new View<ConversationListView>(parts.batch, (previous) => this.#compute(previous));
    // Gone for good, or brought back by another device: then it is shown.
    parts.replica.onMerge(({ removed }) => {
      for (const id of removed) this.#hidden.delete(id);
    });
  }

  get(): ConversationListView {
    return this.#view.get();
  }

  subscribe(listener: () => void): () => void {
    return this.#view.subscribe(listener);
  }

  invalidate(): void {
    this.#view.invalidate();
  }

  rename(id: string, title: string): Promise<Outcome> {
    return this.#change(id, { title });
  }

  setPinned(id: string, pinned: boolean): Promise<Outcome> {
    return this.#change(id, { pinned });
  }

  remove(givenId: string): { readonly undo: () => Promise<Outcome>; readonly done: Promise<Outcome> } {
    const { engine, outbox, replica } = this.#parts;
    const id = outbox.resolve(givenId);
    if (id.startsWith(local_prefix)) return this.#removeLocal(id);
    this.#hide(id, true);
    const removing = engine.remove(id).then((reply) => {
      if (!reply.ok && reply.problem.status !== 404) this.#hide(id, false);
      return reply.ok || reply.problem.status === 404 ? done : outcomeOf(reply);
    });
    const undo = async (): Promise<Outcome> => {
      // Shown at once; the engine is asked when it knows that there is something to restore.
      this.#hide(id, false);
      if (!(await removing).ok) return done;
      const reply = await engine.restore(id);
      if (reply.ok) replica.merge({ conversations: [reply.value] }, "read");
      return outcomeOf(reply);
    };
    return { undo, done: removing };
  }

  #removeLocal(id: string): ReturnType<ConversationList["remove"]> {
    const { outbox } = this.#parts;
    const entries = outbox.entriesOf(id);
    if (entries.some(({ phase }) => phase === "sending" || phase === "accepted")) {
      const detail = "It is just being sent. It can be deleted when that is done.";
      const outcome = refused(ourProblem("conflict", "Not deleted", detail));
      return { undo: async () => outcome, done: Promise.resolve(outcome) };
    }
    for (const { row } of entries) outbox.discard(row.key);
    const undo = async () => {
      for (const { row } of entries) outbox.takeBack(row);
      return done;
    };
    return { undo, done: Promise.resolve(done) };
  }

  loadMore(): Promise<void> {
    return this.#parts.titles.more();
  }

  #hide(id: string, hidden: boolean): void {
    if (hidden) this.#hidden.add(id);
    else this.#hidden.delete(id);
    this.#view.invalidate();
  }

  /** Shown at once, taken back when the engine refuses. */
  async #change(givenId: string, members: ConversationChange): Promise<Outcome> {
    const { engine, outbox, replica } = this.#parts;
    const id = outbox.resolve(givenId);
    const before = replica.conversations.get(id);
    if (before !== undefined) replica.merge({ conversations: [{ ...before, ...members }] }, "read");
    const reply = await engine.change(id, members);
    if (reply.ok) replica.merge({ conversations: [reply.value] }, "read");
    else if (before !== undefined) replica.merge({ conversations: [before] }, "read");
    return outcomeOf(reply);
  }

  #compute(previous: ConversationListView | undefined): ConversationListView {
    const { titles, first, loading } = this.#parts;
    const isEarly = loading() === "cache";
    const known = isEarly ? first.read() : this.#ofEngine();
    const shown = known.filter((each) => !this.#hidden.has(each.id));
    const summaries = new Map<string, ConversationSummary>();
    const engines = shown.map((each) => this.#kept(summaries, each));
    const pinned = engines.filter((each) => each.pinned);
    const others = engines.filter((each) => !each.pinned);
    const items = [...pinned, ...this.#local(summaries), ...others];
    this.#summaries = summaries;
    const same = previous !== undefined && sameMembers(previous.items, items);
    if (!isEarly && !same) first.keep(items);
    return { loading: loading(), items: same ? previous.items : items, hasMore: titles.hasMore() };
  }

  #ofEngine(): readonly ConversationSummary[] {
    const conversations = [...this.#parts.replica.conversations.values()].sort(byPlace);
    return conversations.map((each) => this.#summary(each));
  }

  #summary(conversation: Conversation): ConversationSummary {
    const note = this.#parts.sessions.get(conversation.id);
    return {
      id: conversation.id,
      title: conversation.title,
      pinned: conversation.pinned,
      updatedAt: Date.parse(conversation.updated_at),
      messageCount: conversation.message_count,
      running: conversation.active_task_ids.some((taskId) => this.#runs(taskId)),
      unread: note.unread.length,
      cached: note.completeness === "full",
    };
  }

  #runs(taskId: string): boolean {
    const { replica, streams } = this.#parts;
    if (streams.text(taskId)?.ended) return false;
    const task = replica.tasks.get(taskId);
    const message = streams.messageOf(taskId);
    return (
      !(task !== undefined && isTerminal(task.status)) &&
      !(message !== undefined && isTerminal(message.status))
    );
  }

  #local(summaries: Map<string, ConversationSummary>): readonly ConversationSummary[] {
    const { outbox, replica } = this.#parts;
    const begun = outbox.all().filter(({ row }) => {
      return row.what.kind === "begin" && !replica.conversations.has(outbox.resolve(row.conversationId));
    });
    return begun.reverse().map(({ row, phase }) =>
      this.#kept(summaries, {
        id: outbox.resolve(row.conversationId),
        title: titleOf(row.content),
        pinned: false,
        updatedAt: row.createdAt,
        messageCount: 1,
        running: phase === "accepted",
        unread: 0,
        cached: true,
      }),
    );
  }

  /** The same object as before if nothing of it changed, so that its row is not drawn again. */
  #kept(summaries: Map<string, ConversationSummary>, next: ConversationSummary): ConversationSummary {
    const known = this.#summaries.get(next.id);
    const kept = known !== undefined && sameMembers(known, next) ? known : next;
    summaries.set(next.id, kept);
    return kept;
  }
}

/** As the engine orders them: pinned first, then the newest activity. */
function byPlace(left: Conversation, right: Conversation): number {
  if (left.pinned !== right.pinned) return left.pinned ? -1 : 1;
  return compare(right.updated_at, left.updated_at) || compare(right.id, left.id);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
