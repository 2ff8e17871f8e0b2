/** Everything that runs, and what ended unseen. */
import type { ActivityView, Readable } from "./contract.ts";
import { isTerminal } from "./message_status.ts";
import type { Parts } from "./parts.ts";
import { sameMembers, View } from "./readable.ts";

type Running = ActivityView["running"][number];

export class Activity implements Readable<ActivityView> {
  readonly #parts: Parts;
  readonly #view: View<ActivityView>;
  #running = new Map<string, Running>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#view = new View<ActivityView>(parts.batch, (previous) => this.#compute(previous));
  }

  get(): ActivityView {
    return this.#view.get();
  }

  subscribe(listener: () => void): () => void {
    return this.#view.subscribe(listener);
  }

  invalidate(): void {
    this.#view.invalidate();
  }

  #compute(previous: ActivityView | undefined): ActivityView {
    const { sessions, outbox } = this.#parts;
    const running = this.#collect();
    return {
      running: previous !== undefined && sameMembers(previous.running, running) ? previous.running : running,
      unreadTotal: sessions.unreadTotal(),
      waitingToSend: outbox.waiting(),
    };
  }

  #collect(): readonly Running[] {
    const { replica, streams } = this.#parts;
    const next = new Map<string, Running>();
    for (const task of replica.tasks.values()) {
      const message = replica.messages.get(task.message_id);
      if (isTerminal(task.status) || streams.text(task.task_id)?.ended) continue;
      if (message !== undefined && isTerminal(message.status)) continue;
      const running: Running = {
        conversationId: task.conversation_id,
        messageId: task.message_id,
        taskId: task.task_id,
        startedAt: task.started_at === null ? null : Date.parse(task.started_at),
      };
      const known = this.#running.get(task.task_id);
      next.set(task.task_id, known !== undefined && sameMembers(known, running) ? known : running);
    }
    this.#running = next;
    return [...next.values()];
  }
}
