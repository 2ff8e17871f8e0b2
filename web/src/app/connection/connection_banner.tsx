import { useActivity, useConnection, useReadable, useThroughline } from "../../react/throughline.tsx";
import { Button } from "../../ui/button.tsx";
import { bannerWords } from "./connection_words.ts";

/** A quiet line above the conversation while there is no connection. */
export function ConnectionBanner() {
  const client = useThroughline();
  const view = useConnection();
  const { waitingToSend } = useActivity();
  const identity = useReadable(client.identity);
  // At the very first start the whole page says it.
  const words = identity.kind === "unknown" ? null : bannerWords(view, waitingToSend);
  return (
    <div role="status">
      {words !== null && (
        <div className="flex flex-wrap items-center justify-center gap-x-3 gap-y-1 bg-warn-wash px-4 py-1.5 text-sm text-warn">
          <p>{words.text}</p>
          {words.canRetry && (
            <Button size="sm" variant="quiet" className="text-warn" onClick={() => client.reconnect()}>
              Try now
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
