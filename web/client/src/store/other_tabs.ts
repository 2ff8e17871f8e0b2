/** What tabs of one owner tell each other, beside the feed. */
import type { StoreEnvironment } from "./environment.ts";

export type TabMessage =
  | { readonly kind: "read"; readonly conversationId: string; readonly messageIds: readonly string[] }
  | { readonly kind: "outbox_changed" }
  | { readonly kind: "retry_called_off"; readonly messageId: string };

export class OtherTabs {
  readonly #channel: ReturnType<StoreEnvironment["channel"]>;
  readonly #owner: () => string | null;

  constructor(
    environment: StoreEnvironment,
    owner: () => string | null,
    hear: (message: TabMessage) => void,
  ) {
    this.#owner = owner;
    this.#channel = environment.channel("throughline-store", (posted) => {
      // Only tabs of the same version of this code and the same owner: everything else is not for us.
      if (isEnvelope(posted) && posted.owner === owner()) hear(posted.message);
    });
  }

  tell(message: TabMessage): void {
    const owner = this.#owner();
    if (owner !== null) this.#channel.post({ owner, message } satisfies Envelope);
  }

  close(): void {
    this.#channel.close();
  }
}

interface Envelope {
  readonly owner: string;
  readonly message: TabMessage;
}

function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== "object" || value === null || !("owner" in value) || !("message" in value))
    return false;
  const { message } = value;
  return (
    typeof value.owner === "string" && typeof message === "object" && message !== null && "kind" in message
  );
}
