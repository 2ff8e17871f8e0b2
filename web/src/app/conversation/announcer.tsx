import type { ConversationStore } from "@throughline/client";
import { useEffect, useState } from "react";
import { announcementOf, type Heard } from "./announcements.ts";

/** How many of the newest messages are listened to: answers that wait behind one another are among them. */
const listenedTo = 8;

/** The one voice of a conversation for who does not see it: that an answer began, and how it ended. */
export function Announcer({ store }: { store: ConversationStore }) {
  const [text, setText] = useState("");
  useEffect(() => {
    const heard = new Map<string, Heard>();
    let ends: (() => void)[] = [];
    const look = (key: string, silently: boolean) => {
      const message = store.message(key).get();
      if (message === undefined || message.role !== "assistant") return;
      const now: Heard = { key, live: message.live, status: message.status };
      const said = announcementOf(heard.get(key), now, () => message.content);
      heard.set(key, now);
      if (said !== null && !silently) setText(said);
    };
    const listen = (silently: boolean) => {
      for (const end of ends) end();
      ends = store
        .get()
        .thread.slice(-listenedTo)
        .map((key) => {
          look(key, silently);
          return store.message(key).subscribe(() => look(key, false));
        });
    };
    listen(true);
    let thread = store.get().thread;
    const endView = store.subscribe(() => {
      if (store.get().thread === thread) return;
      thread = store.get().thread;
      listen(false);
    });
    return () => {
      endView();
      for (const end of ends) end();
    };
  }, [store]);
  return (
    <p role="status" className="sr-only">
      {text}
    </p>
  );
}
