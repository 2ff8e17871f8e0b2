/** The rendering of answers. It comes in a chunk of its own; until it is there the text is shown as it is. */
import { lazy, Suspense } from "react";
import { PlainText } from "./plain_text.tsx";

export { PlainText };

const load = () => import("./answer.tsx");
const Answer = lazy(load);

/** Brings the renderer before it is needed. */
export function preloadMarkdown(): void {
  // When the network fails now it is tried again with the first answer.
  load().catch(() => {});
}

export interface MarkdownProps {
  /** All of the answer so far, byte for byte as the model sent it. */
  readonly text: string;
  /** More may come: the last block is drawn as what it is going to be. */
  readonly streaming: boolean;
}

export function Markdown(props: MarkdownProps) {
  return (
    <Suspense fallback={<PlainText text={props.text} />}>
      <Answer {...props} />
    </Suspense>
  );
}
