/** How long a model thought, as far as this page saw it: from the first thought to the first word. Pure. */
export type Thinking =
  /** Nothing has come yet: whatever comes first is seen to come. */
  | { readonly kind: "before" }
  | { readonly kind: "thinking"; readonly since: number }
  | { readonly kind: "thought"; readonly forMs: number }
  /** The page came too late to know. */
  | { readonly kind: "unknown" };

export interface Thought {
  readonly live: boolean;
  readonly hasReasoning: boolean;
  readonly hasContent: boolean;
}

export function thinkingAt(before: Thinking | undefined, now: Thought, at: number): Thinking {
  if (now.live && !now.hasReasoning && !now.hasContent)
    return before?.kind === "before" ? before : { kind: "before" };
  const thinks = now.live && !now.hasContent;
  switch (before?.kind) {
    case "before":
      return thinks ? { kind: "thinking", since: at } : { kind: "unknown" };
    case "thinking":
      return thinks ? before : { kind: "thought", forMs: at - before.since };
    case "thought":
      return before;
    default:
      return before ?? { kind: "unknown" };
  }
}
