/** The client as React sees it. Thin: views come from the store as they are, and no stream lives in an effect. */
import type {
  ActivityView,
  ConnectionView,
  ConversationListView,
  ConversationStore,
  ConversationView,
  MessageView,
  Readable,
  Throughline,
} from "@throughline/client";
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useSyncExternalStore,
} from "react";

const ThroughlineContext = createContext<Throughline | null>(null);

export function ThroughlineProvider({ client, children }: { client: Throughline; children: ReactNode }) {
  return <ThroughlineContext value={client}>{children}</ThroughlineContext>;
}

export function useThroughline(): Throughline {
  const client = useContext(ThroughlineContext);
  if (client === null) throw new Error("There is no ThroughlineProvider above this component");
  return client;
}

/** The value of a Readable; the component is drawn again when it changes. */
export function useReadable<T>(readable: Readable<T>): T {
  const subscribe = useCallback((listener: () => void) => readable.subscribe(listener), [readable]);
  const get = useCallback(() => readable.get(), [readable]);
  return useSyncExternalStore(subscribe, get);
}

/** The store of a conversation that the component shows, and its view. Opens it for as long as it is shown. */
export function useConversation(id: string): {
  readonly store: ConversationStore;
  readonly view: ConversationView;
} {
  const store = useThroughline().conversation(id);
  const view = useReadable(store);
  useEffect(() => store.open(), [store]);
  return { store, view };
}

/** One message; only the component that asks is drawn again when its text grows. */
export function useMessage(store: ConversationStore, key: string): MessageView | undefined {
  return useReadable(store.message(key));
}

export function useConversations(): ConversationListView {
  return useReadable(useThroughline().conversations);
}

export function useConnection(): ConnectionView {
  return useReadable(useThroughline().connection);
}

export function useActivity(): ActivityView {
  return useReadable(useThroughline().activity);
}
