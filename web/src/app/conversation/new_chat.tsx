import { ScrollText } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useConversations, useThroughline } from "../../react/throughline.tsx";
import { IconButton } from "../../ui/icon_button.tsx";
import { Composer } from "./composer/composer.tsx";
import { SystemPrompting } from "./header/system_prompting.tsx";

/** The system prompt of the chat that has not begun is a draft too. */
const promptDraft = "new/system_prompt";

/** The page of a chat that has not begun: the thread waits for its first knot, and what goes on elsewhere is at hand. */
export function NewChat({ leading, onNavigate }: { leading: ReactNode; onNavigate: (id: string) => void }) {
  const client = useThroughline();
  const [model, setModel] = useState<string | null>(null);
  const [prompt, setPrompt] = useState(() => client.drafts.get(promptDraft) || null);
  const [prompting, setPrompting] = useState(false);
  const keepPrompt = (next: string | null) => {
    setPrompt(next);
    client.drafts.set(promptDraft, next ?? "");
  };
  return (
    <>
      <header className="flex min-h-12 shrink-0 items-center px-2 pt-safe">
        {leading}
        <IconButton
          label={prompt === null ? "System prompt" : "System prompt (set)"}
          onClick={() => setPrompting(true)}
          className={prompt === null ? "ml-auto" : "ml-auto bg-active text-ink"}
        >
          <ScrollText className="size-4" aria-hidden="true" />
        </IconButton>
      </header>
      {prompting && (
        <SystemPrompting prompt={prompt} onClose={() => setPrompting(false)} onSave={keepPrompt} />
      )}
      <div className="mx-auto flex min-h-0 w-full max-w-read flex-1 flex-col overflow-y-auto px-4">
        <div className="relative mt-auto pt-24 pl-thread-gutter">
          <span
            aria-hidden="true"
            className="absolute top-0 bottom-4 left-thread-x w-thread -translate-x-1/2 bg-thread-fade"
          />
          <span aria-hidden="true" className="absolute bottom-4 left-thread-x">
            <span className="absolute size-5 -translate-1/2 animate-breathe rounded-full bg-thread-halo" />
            <span className="absolute size-2 -translate-1/2 rounded-full bg-thread" />
          </span>
          <GoingOn onNavigate={onNavigate} />
          <h1 className="font-semibold text-xl">Ask, and leave if you like.</h1>
          <p className="mt-1 pb-2 text-soft">
            The answer is written on without you, and waits here when you are back.
          </p>
        </div>
      </div>
      <Composer
        conversationId={null}
        model={model}
        onModel={setModel}
        running={false}
        onSend={(content) => {
          const { conversationId } = client.begin({
            content,
            model: model ?? undefined,
            systemPrompt: prompt ?? undefined,
          });
          keepPrompt(null);
          onNavigate(conversationId);
        }}
      />
    </>
  );
}

const shownMax = 4;

/** Chats in which an answer is being written, or ended unseen. */
function GoingOn({ onNavigate }: { onNavigate: (id: string) => void }) {
  const { items } = useConversations();
  const going = items.filter((item) => item.running || item.unread > 0).slice(0, shownMax);
  if (going.length === 0) return null;
  return (
    <ul aria-label="Going on" className="mb-8 flex flex-col items-start gap-0.5">
      {going.map((item) => (
        <li key={item.id} className="relative max-w-full">
          <a
            href={`/c/${item.id}`}
            onClick={(event) => {
              if (event.metaKey || event.ctrlKey || event.shiftKey) return;
              event.preventDefault();
              onNavigate(item.id);
            }}
            className="-ml-2 flex min-h-9 items-center gap-3 rounded-md px-2 hover:bg-hover"
          >
            <span dir="auto" className="truncate">
              {item.title}
            </span>
            <span className="shrink-0 text-faint text-sm">{item.running ? "being written" : "answered"}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}
