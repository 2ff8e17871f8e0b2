import { Markdown } from "../../../ui/markdown/index.tsx";

/** The text of an answer as it is read. */
export function AnswerText({ text, streaming }: { text: string; streaming: boolean }) {
  return (
    <div dir="auto">
      <Markdown text={text} streaming={streaming} />
    </div>
  );
}
