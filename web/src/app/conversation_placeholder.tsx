/** Stands where the conversation will be. */
export function ConversationPage({ id }: { id: string | null; onNavigate: (path: string) => void }) {
  return (
    <div className="flex h-full flex-col items-center justify-center gap-4 p-6">
      <h1 className="font-semibold text-xl">{id ?? "What would you like to know?"}</h1>
      <textarea
        aria-label="Message"
        className="w-full max-w-read rounded-md border border-edge bg-surface p-3"
      />
    </div>
  );
}
