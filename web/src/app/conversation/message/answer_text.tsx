/** The text of an answer as it is read. Until the part that draws markdown is here, the text is shown as it was sent. */
export function AnswerText({ text }: { text: string; streaming: boolean }) {
  return <PlainWords text={text} />;
}

export function PlainWords({ text }: { text: string }) {
  return (
    <div dir="auto" className="whitespace-pre-wrap break-words">
      {text}
    </div>
  );
}
