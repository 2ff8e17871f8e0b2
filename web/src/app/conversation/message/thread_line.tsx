import { classNames } from "../../../ui/class_names.ts";

/**
 * The product's sign: a thin line down the left of a conversation, from message to message. Each message draws its own piece,
 * one pixel longer than itself: heights have fractions, and a seam would show. An ornament: what it says is said in words too.
 */
const piece = "absolute left-thread-x w-thread -translate-x-1/2";

/** A piece that goes through. */
export function ThreadThrough({ className = "top-0 -bottom-px" }: { className?: string }) {
  return <span aria-hidden="true" className={classNames(piece, "bg-thread-line", className)} />;
}

/** Where a question ties itself to the thread. The line above it is left out where the thread begins. */
export function ThreadKnot({ first }: { first: boolean }) {
  return (
    <>
      <span
        aria-hidden="true"
        className={classNames(piece, "bg-thread-line", first ? "top-knot -bottom-px" : "top-0 -bottom-px")}
      />
      <span
        aria-hidden="true"
        className="absolute top-knot left-thread-x size-2.5 -translate-x-1/2 -translate-y-1/2 rounded-full border-2 border-thread bg-canvas"
      />
    </>
  );
}

/** How the thread ends in the newest answer, or where an answer broke off. */
export type ThreadEndKind = "live" | "waiting" | "rested" | "stopped" | "broken";

/** The end lies at the lower edge of what it is in. */
export function ThreadEnd({ kind }: { kind: ThreadEndKind }) {
  // Beside the last line of what is there: for a failure that is the middle of its note.
  const bottom = kind === "broken" ? "bottom-7" : kind === "stopped" ? "bottom-3.5" : "bottom-4.25";
  const bright = kind === "live" || kind === "waiting";
  return (
    <>
      <span
        aria-hidden="true"
        className={classNames(piece, "top-0", bottom, bright ? "bg-thread" : "bg-thread-line")}
      />
      <span aria-hidden="true" className={classNames("absolute left-thread-x", bottom)}>
        <EndMark kind={kind} />
      </span>
    </>
  );
}

function EndMark({ kind }: { kind: ThreadEndKind }) {
  switch (kind) {
    case "live":
    case "waiting":
      return (
        <>
          <span className="absolute size-5 -translate-1/2 animate-breathe rounded-full bg-thread-halo" />
          <span className="absolute size-2 -translate-1/2 rounded-full bg-thread" />
        </>
      );
    case "rested":
      return <span className="absolute size-1.5 -translate-1/2 rounded-full bg-thread" />;
    case "stopped":
      return <span className="absolute h-thread w-3 -translate-1/2 rounded-full bg-edge" />;
    case "broken":
      return <span className="absolute size-2 -translate-1/2 rotate-45 border-2 border-danger bg-canvas" />;
  }
}

/** A small break in the line, beside the note that says why. */
export function ThreadBreak() {
  return (
    <span
      aria-hidden="true"
      className="absolute top-1/2 left-thread-x flex h-3 w-3 -translate-1/2 flex-col justify-between bg-canvas"
    >
      <span className="h-thread w-full -rotate-20 rounded-full bg-thread-line" />
      <span className="h-thread w-full -rotate-20 rounded-full bg-thread-line" />
    </span>
  );
}
