import type { ConnectionNote } from "@throughline/client";

const reasons: Readonly<Record<string, string>> = {
  worker_lost: "the process that wrote it was lost",
  provider_failed: "the model's connection broke",
  resumed_from_store: "its pieces were no longer kept",
  position_unknown: "the place it had reached was not known any more",
};

/** One line of the connection's history in plain words. `title` is of the conversation the note is about. */
export function noteWords(
  note: ConnectionNote,
  title: (conversationId: string) => string | undefined,
): string {
  switch (note.kind) {
    case "connected":
      return "Connected";
    case "offline":
      return "This device went offline";
    case "fell_back_to_poll":
      return "This network breaks event streams: asking again and again instead";
    case "back_to_events":
      return "Event streams work again";
    case "became_leader":
      return "This tab holds the connection now, for all tabs of this browser";
    case "synchronised":
      return "Everything agrees with the engine";
    case "lost":
      return `Connection lost: ${note.cause}`;
    case "resumed":
      return `${about(title(note.conversationId))} resumed at chunk ${note.chunk}`;
    case "restarted":
      return `${about(title(note.conversationId))} began again (attempt ${note.attempt}): ${reasons[note.reason] ?? note.reason}`;
  }
}

function about(title: string | undefined): string {
  return title === undefined || title === "" ? "An answer" : `“${title}”`;
}
