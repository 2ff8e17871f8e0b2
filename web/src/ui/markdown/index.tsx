/** The rendering of answers. It comes in a chunk of its own; until it is there the text is shown as it is. */
import { Suspense } from "react";
import { lazily } from "../lazily.tsx";
import { PlainText } from "./plain_text.tsx";

export { PlainText };

const Answer = lazily<MarkdownProps>(async () => {
  try {
    return (await import("./answer.tsx")).default;
  } catch (error) {
    // Without a network nothing brings it: the text can be read all the same.
    if (!navigator.onLine) return PlainText;
    throw error;
  }
});

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
