import type { ConversationSummary, Outcome, Throughline } from "@throughline/client";
import { closeToast, showToast } from "../../ui/toast_store.ts";

/** How long a deleted conversation can be brought back, as the engine promises. */
const undoTime = 30_000;

function tellProblem(what: string, outcome: Outcome): void {
  if (!outcome.ok)
    showToast({ text: `${what}: ${outcome.problem.detail}`, tone: "problem", duration: 10_000 });
}

export async function renameConversation(client: Throughline, id: string, title: string): Promise<void> {
  tellProblem("The chat keeps its old name", await client.conversations.rename(id, title));
}

export async function pinConversation(client: Throughline, id: string, pinned: boolean): Promise<void> {
  tellProblem(
    pinned ? "It was not pinned" : "It stays pinned",
    await client.conversations.setPinned(id, pinned),
  );
}

/** Deletes at once and offers to undo it. `onUndone` is called when it is back. */
export function removeConversation(
  client: Throughline,
  item: Pick<ConversationSummary, "id" | "title">,
  onUndone?: () => void,
): void {
  const { undo, done } = client.conversations.remove(item.id);
  const notice = showToast({
    text: `Deleted “${shortened(item.title)}”`,
    duration: undoTime,
    action: {
      text: "Undo",
      undoes: true,
      async run() {
        const outcome = await undo();
        tellProblem("It could not be brought back", outcome);
        if (outcome.ok) onUndone?.();
      },
    },
  });
  void done.then((outcome) => {
    if (!outcome.ok) closeToast(notice);
    tellProblem("The chat was not deleted", outcome);
  });
}

function shortened(title: string): string {
  const signs = Array.from(title);
  return signs.length > 40 ? `${signs.slice(0, 39).join("")}…` : title;
}
