/** What the model sent, byte for byte, without any meaning given to it. */
export function SourceView({ text }: { text: string }) {
  return (
    <section aria-label="Source of the answer" className="rounded-md border border-line bg-code p-3">
      <pre data-source="" dir="ltr" className="whitespace-pre-wrap break-words font-mono text-sm">
        {text}
      </pre>
    </section>
  );
}
