import type { ConversationStore } from "@throughline/client";
import { type ReactNode, useMemo, useRef, useState } from "react";
import { useConversation } from "../../react/throughline.tsx";
import { Announcer } from "./announcer.tsx";
import { Composer, type ComposerHandle } from "./composer/composer.tsx";
import { ConversationHeader } from "./header/conversation_header.tsx";
import {
  EmptyThread,
  FailedThread,
  LoadingThread,
  MissingThread,
  OfflineThread,
} from "./states/view_states.tsx";
import { tellOutcome } from "./tell_outcome.ts";
import { Thread, type ThreadHandle } from "./thread/thread.tsx";
import { type ThreadCommands, ThreadContext } from "./thread_context.ts";
import { useEscapeStops } from "./use_escape_stops.ts";

export interface ConversationViewProps {
  /** The id under which the conversation was opened; it may be the local one. */
  id: string;
  leading: ReactNode;
  onNavigate: (id: string | null) => void;
}

/** One conversation: its header, its thread, and where the next message is written. */
export function ConversationView({ id, leading, onNavigate }: ConversationViewProps) {
  const { store, view } = useConversation(id);
  const [editingKey, setEditingKey] = useState<string | null>(null);
  const edited = useRef<string | null>(null);
  const [anchored, setAnchored] = useState(view.isLocal);
  const thread = useRef<ThreadHandle>(null);
  const composer = useRef<ComposerHandle>(null);

  const stop = () => void store.stop().then((outcome) => tellOutcome("It could not be stopped", outcome));
  const running = view.runningKey !== null;
  useEscapeStops(running, stop);

  const commands = useMemo<ThreadCommands>(() => {
    const begins = () => {
      if (store.get().runningKey === null) setAnchored(true);
      thread.current?.toEnd();
    };
    const openEditor = (key: string | null) => {
      edited.current = key;
      setEditingKey(key);
    };
    const closeEditor = () => {
      openEditor(null);
      composer.current?.focus();
    };
    return {
      store,
      send(content) {
        begins();
        store.send(content);
      },
      edit: (key) => (key === null ? closeEditor() : openEditor(key)),
      reopen(key) {
        if (edited.current === null) openEditor(key);
        return edited.current === key;
      },
      sendEdit(key, content) {
        begins();
        closeEditor();
        void store.edit(key, content).then((outcome) => tellOutcome("The question was not changed", outcome));
      },
      regenerate(key, model) {
        begins();
        void store.regenerate(key, model).then((outcome) => tellOutcome("No new answer was begun", outcome));
      },
      discard(key) {
        store.discard(key);
        composer.current?.reload();
        composer.current?.focus();
      },
    };
  }, [store]);

  const lastKey = view.thread.at(-1);
  const reserveKey = anchored && lastKey !== undefined && isAnswer(store, lastKey) ? lastKey : null;
  const lastQuestion = view.thread.findLast((key) => isEditable(store, key));
  const missing = view.state === "missing";
  return (
    <ThreadContext value={commands}>
      <ConversationHeader
        store={store}
        view={view}
        leading={leading}
        onRemoved={() => onNavigate(null)}
        onBack={() => onNavigate(view.id)}
      />
      {view.state === "loading" && view.thread.length === 0 ? (
        <LoadingThread />
      ) : missing ? (
        <MissingThread onNew={() => onNavigate(null)} />
      ) : view.state === "unavailable_offline" ? (
        <OfflineThread />
      ) : typeof view.state === "object" ? (
        <FailedThread problem={view.state.failed} />
      ) : view.thread.length === 0 ? (
        <EmptyThread />
      ) : (
        <Thread
          handle={thread}
          store={store}
          view={view}
          placeKey={id}
          editingKey={editingKey}
          reserveKey={reserveKey}
        />
      )}
      <Announcer store={store} />
      {!missing && (
        <Composer
          handle={composer}
          conversationId={view.id}
          model={view.model}
          onModel={async (model) => tellOutcome("The model stays as it was", await store.setModel(model))}
          onSend={commands.send}
          running={running}
          onStop={stop}
          onEditLast={lastQuestion === undefined ? undefined : () => commands.edit(lastQuestion)}
        />
      )}
    </ThreadContext>
  );
}

function isAnswer(store: ConversationStore, key: string): boolean {
  return store.message(key).get()?.role === "assistant";
}

function isEditable(store: ConversationStore, key: string): boolean {
  const message = store.message(key).get();
  return message?.role === "user" && message.id !== null;
}
