import { type ReactNode, useEffect, useRef } from "react";
import { useReadable, useThroughline } from "../../react/throughline.tsx";
import { ConversationView } from "./conversation_view.tsx";
import { NewChat } from "./new_chat.tsx";

export interface ConversationPageProps {
  /** `null`: the page of a new chat. A local id (`new-...`) is as good as the engine's. */
  id: string | null;
  /** Asks for another address: that of a chat, or of a new one (`null`). `replace`: it is another name of the same place. */
  onNavigate: (id: string | null, options?: { readonly replace: boolean }) => void;
  /** Stands at the left of the header: the button that shows the list. */
  leading?: ReactNode;
}

/** What fills the page beside the list. Its container is a column with a height. */
export function ConversationPage({ id, onNavigate, leading = null }: ConversationPageProps) {
  if (id === null) return <NewChat leading={leading} onNavigate={onNavigate} />;
  return <Existing id={id} onNavigate={onNavigate} leading={leading} />;
}

/** A conversation keeps its place on the screen when it gets its real id: the address changes, nothing else. */
function Existing({ id, onNavigate, leading }: ConversationPageProps & { id: string }) {
  const client = useThroughline();
  const opened = useRef({ id, later: id });
  if (id !== opened.current.id && id !== opened.current.later) opened.current = { id, later: id };
  const openedId = opened.current.id;
  const realId = useReadable(client.conversation(openedId)).id;
  useEffect(() => {
    if (realId === openedId || opened.current.later === realId) return;
    opened.current.later = realId;
    onNavigate(realId, { replace: true });
  }, [realId, openedId, onNavigate]);
  return <ConversationView key={openedId} id={openedId} onNavigate={onNavigate} leading={leading} />;
}
