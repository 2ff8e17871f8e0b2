/**
 * Everything that runs, and what ended unseen. The feed tells of tasks that change; those that ran already when this page came
 * are asked for once, if a conversation has some that are not known.
 */
import type { ActiveStream } from "../protocol/types.ts";
import type { ActivityView, Readable } from "./contract.ts";
import { isTerminal } from "./message_status.ts";
import type { Parts } from "./parts.ts";
import { sameMembers, View } from "./readable.ts";

type Running = ActivityView["running"][number];

export class Activity implements Readable<ActivityView> {
  readonly #parts: Parts;
  readonly #view: View<ActivityView>;
  #running = new Map<string, Running>();
  #listed: readonly ActiveStream[] = [];

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

  async readRunning(): Promise<void> {
    const { replica, engine } = this.#parts;
    const isMissing = [...replica.conversations.values()].some(({ active_task_ids }) =>
      active_task_ids.some((taskId) => !replica.tasks.has(taskId)),
    );
    if (!isMissing) return;
    const reply = await engine.activeStreams();
    if (!reply.ok) return;
    this.#listed = reply.value;
    this.invalidate();
  }

  forget(): void {
    this.#listed = [];
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
    const add = (running: Running) => {
      const message = replica.messages.get(running.messageId);
      if (message !== undefined && isTerminal(message.status)) return;
      if (streams.text(running.taskId)?.ended) return;
      const known = this.#running.get(running.taskId);
      next.set(running.taskId, known !== undefined && sameMembers(known, running) ? known : running);
    };
    for (const task of replica.tasks.values()) if (!isTerminal(task.status)) add(runningOf(task));
    for (const listed of this.#listed) {
      const conversation = replica.conversations.get(listed.conversation_id);
      const isActive = conversation?.active_task_ids.includes(listed.task_id) ?? false;
      if (isActive && !replica.tasks.has(listed.task_id)) add(runningOf(listed));
    }
    this.#running = next;
    return [...next.values()];
  }
}

function runningOf(
  task: Pick<ActiveStream, "conversation_id" | "message_id" | "task_id" | "started_at">,
): Running {
  return {
    conversationId: task.conversation_id,
    messageId: task.message_id,
    taskId: task.task_id,
    startedAt: task.started_at === null ? null : Date.parse(task.started_at),
  };
}
