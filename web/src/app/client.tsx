/** The client of this page, and its values as React sees them. Everything in app/ reaches the store through here. */
import type { Readable, Throughline } from "@throughline/client";
import { createContext, type ReactNode, useContext, useSyncExternalStore } from "react";

const ClientContext = createContext<Throughline | null>(null);

export function ClientProvider({ client, children }: { client: Throughline; children: ReactNode }) {
  return <ClientContext value={client}>{children}</ClientContext>;
}

export function useClient(): Throughline {
  const client = useContext(ClientContext);
  if (client === null) throw new Error("There is no ClientProvider above this component");
  return client;
}

/** The value of a Readable; the component is drawn again when it changes. */
export function useReadable<T>(readable: Readable<T>): T {
  return useSyncExternalStore(
    (listener) => readable.subscribe(listener),
    () => readable.get(),
  );
}
