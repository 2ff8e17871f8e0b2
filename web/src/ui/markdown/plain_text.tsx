/** Text as it was typed, blanks and line ends kept: what a person wrote, and an answer until its renderer has come. */
export function PlainText({ text }: { text: string }) {
  return (
    <p dir="auto" className="whitespace-pre-wrap wrap-anywhere text-read">
      {text}
    </p>
  );
}
