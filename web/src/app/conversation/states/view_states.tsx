import type { Problem } from "@throughline/client";
import { type ReactNode, useEffect, useState } from "react";
import { useThroughline } from "../../../react/throughline.tsx";
import { Button } from "../../../ui/button.tsx";
import { refusalOf } from "../message/error_texts.ts";

/** Quiet bars where the messages will be; nothing at all for the first moment, which is usually enough. */
export function LoadingThread() {
  const late = useLate(150);
  return (
    <div className="min-h-0 flex-1 overflow-hidden">
      {late && (
        <div className="mx-auto flex max-w-read flex-col gap-4 px-4 pt-8">
          <p role="status" className="sr-only">
            Loading the chat
          </p>
          <div aria-hidden="true" className="flex animate-breathe flex-col gap-4 pl-thread-gutter">
            {["h-9 w-2/5", "h-3 w-11/12", "h-3 w-full", "h-3 w-3/4", "h-9 w-1/3", "h-3 w-5/6"].map((size) => (
              <span key={size} className={`rounded-md bg-active ${size}`} />
            ))}
          </div>
        </div>
      )}
    </div>
  );
}

function useLate(afterMs: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), afterMs);
    return () => clearTimeout(timer);
  }, [afterMs]);
  return late;
}

export function MissingThread({ onNew }: { onNew: () => void }) {
  return (
    <Instead title="This chat is not here" action={<Button onClick={onNew}>New chat</Button>}>
      It was deleted, or the address is not quite right.
    </Instead>
  );
}

export function OfflineThread() {
  return (
    <Instead title="Not on this device yet">
      You are offline, and this chat has not been opened here before. It is safe on the server and appears as
      soon as the network is back.
    </Instead>
  );
}

export function FailedThread({ problem }: { problem: Problem }) {
  const client = useThroughline();
  return (
    <Instead
      title="This chat could not be loaded"
      action={<Button onClick={() => client.reconnect()}>Try again</Button>}
      small={problem.request_id === null ? null : `For whoever looks after the server: ${problem.request_id}`}
    >
      {refusalOf(problem)} Nothing is lost: it is kept on the server.
    </Instead>
  );
}

export function EmptyThread() {
  return <Instead title="Nothing has been asked here yet">The first question begins the thread.</Instead>;
}

function Instead(props: { title: string; children: ReactNode; action?: ReactNode; small?: string | null }) {
  return (
    <div className="flex min-h-0 flex-1 flex-col items-center justify-center overflow-y-auto px-6 text-center">
      <h2 className="font-semibold text-lg">{props.title}</h2>
      <p className="mt-2 max-w-dialog text-soft">{props.children}</p>
      {props.action !== undefined && <div className="mt-5">{props.action}</div>}
      {props.small != null && <p className="mt-5 text-faint text-xs">{props.small}</p>}
    </div>
  );
}
