import type { ConnectionView } from "@throughline/client";
import { useEffect, useState } from "react";
import { useActivity, useConnection, useConversations, useThroughline } from "../../react/throughline.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { ConnectionDrawing } from "./connection_drawing.tsx";
import { noteWords } from "./note_words.ts";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** "About this connection", for the curious: the thread over time, what happened to it, and how it is made. */
export function ConnectionPanel({ onClose }: { onClose: () => void }) {
  const client = useThroughline();
  const view = useConnection();
  const { running, waitingToSend } = useActivity();
  const { items } = useConversations();
  const now = useSeconds();
  const titleOf = (id: string) => items.find((item) => item.id === id)?.title;
  const canReconnect = view.state.kind === "waiting" || view.state.kind === "offline";
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="About this connection"
      description={stateWords(view, now)}
      width="wide"
      {...(canReconnect
        ? {
            footer: (
              <Button variant="primary" onClick={() => client.reconnect()}>
                Reconnect now
              </Button>
            ),
          }
        : {})}
    >
      <ConnectionDrawing view={view} now={now} />
      <dl className="mt-2 grid gap-x-8 gap-y-2 text-sm md:grid-cols-2">
        <Fact name="Events come by" value={view.transport === "events" ? "one event stream" : "long poll"} />
        <Fact
          name="This tab"
          value={view.role === "leader" ? "holds the connection" : "is fed by another tab of this browser"}
        />
        <Fact
          name="State of your data"
          value={view.rev === null ? "not known yet" : `revision ${view.rev}`}
        />
        <Fact name="Answers being written" value={String(running.length)} />
        <Fact name="Messages waiting to be sent" value={String(waitingToSend)} />
      </dl>
      <h3 className="mt-6 mb-1 font-medium">What happened</h3>
      {view.history.length === 0 ? (
        <p className="text-soft text-sm">
          Nothing yet. Losses, resumed answers and changes of the way appear here.
        </p>
      ) : (
        <ol className="text-sm">
          {withKeys(view).map(({ key, note }) => (
            <li key={key} className="flex gap-4 border-line border-t py-1.5">
              <time dateTime={new Date(note.at).toISOString()} className="shrink-0 text-faint tabular-nums">
                {clock.format(note.at)}
              </time>
              <span className="min-w-0 break-words">{noteWords(note, titleOf)}</span>
            </li>
          ))}
        </ol>
      )}
    </Dialog>
  );
}

/** Notes have no ids, and a new one moves all others: counted from the oldest they keep their keys. */
function withKeys(view: ConnectionView) {
  return view.history.map((note, index) => ({
    key: `${note.at} ${note.kind} ${view.history.length - index}`,
    note,
  }));
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div className="flex justify-between gap-4">
      <dt className="text-soft">{name}</dt>
      <dd className="text-right">{value}</dd>
    </div>
  );
}

function stateWords(view: ConnectionView, now: number): string {
  switch (view.state.kind) {
    case "connected":
      return `Connected since ${clock.format(view.state.since)}. Answers resume where they were, whatever happens to the way.`;
    case "connecting":
      return "Connecting to the engine.";
    case "waiting": {
      const seconds = Math.max(0, Math.ceil((view.state.retryAt - now) / 1_000));
      return `${view.state.cause} Trying again in ${seconds} s. Answers being written go on in the engine.`;
    }
    case "offline":
      return "This device is offline. What is kept here can be read; what you write is sent later.";
    case "stopped":
      return "This page has ended its connection. Reload to connect again.";
  }
}

function useSeconds(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
