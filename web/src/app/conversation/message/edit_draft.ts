import type { MessageView } from "@throughline/client";
import { useThroughline } from "../../../react/throughline.tsx";
import { useThread } from "../thread_context.ts";

/** What is being written in place of a question, kept like the draft of a message: over a reload and a look elsewhere. */
export interface EditDraft {
  /** The question as it is when nothing else was written. */
  get(): string;
  set(text: string): void;
  exists(): boolean;
  clear(): void;
}

export function useEditDraft({ id, content }: MessageView): EditDraft {
  const { drafts } = useThroughline();
  const { store } = useThread();
  // A question that can be edited has an id, and its conversation too.
  const name = `${store.get().id}/${id}`;
  const kept = () => (id === null ? "" : drafts.get(name));
  return {
    get: () => kept() || content,
    set: (text) => drafts.set(name, text === content ? "" : text),
    exists: () => kept() !== "",
    clear: () => drafts.set(name, ""),
  };
}
