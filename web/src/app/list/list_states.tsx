import { useConnection } from "../../react/throughline.tsx";

/** The list while nothing is known yet: quiet bars where the chats will be, and words when it takes its time for a reason. */
export function LoadingList() {
  const { state } = useConnection();
  if (state.kind === "offline" || state.kind === "waiting")
    return (
      <p className="flex-1 px-5 py-4 text-soft text-sm">
        {state.kind === "offline" ? "You are offline. " : "The engine does not answer. "}
        Your chats are kept there and appear as soon as it does.
      </p>
    );
  return (
    <div className="flex-1 overflow-hidden px-5 py-4">
      <p role="status" className="sr-only">
        Loading your chats
      </p>
      <div aria-hidden="true" className="flex animate-breathe flex-col gap-5">
        {["w-3/4", "w-1/2", "w-5/6", "w-2/3", "w-3/5"].map((width) => (
          <span key={width} className={`h-3 rounded-full bg-active ${width}`} />
        ))}
      </div>
    </div>
  );
}

export function EmptyList() {
  return (
    <p className="flex-1 px-5 py-4 text-soft text-sm">
      No chats yet. What you ask is kept here, with its answer, even if you leave before it is finished.
    </p>
  );
}
