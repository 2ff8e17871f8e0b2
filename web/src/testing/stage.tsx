/**
 * The conversation view on a fixture, for looking at it without an engine: `npm run dev`, then `/stage.html#states`. The names
 * after `#` are those of `scenes()`; `#new` is the page of a new chat. It is no part of what is built.
 */
import "../tokens.css";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { ConversationPage } from "../app/conversation/conversation_page.tsx";
import { ThroughlineProvider } from "../react/throughline.tsx";
import { Toaster } from "../ui/toast.tsx";
import { TooltipLayer } from "../ui/tooltip.tsx";
import { type Fixture, scenes } from "./fixture.ts";

declare global {
  interface Window {
    /** For the console, and for scripts that look. */
    fixture: Fixture;
    show: (id: string | null) => void;
  }
}

const fixture = scenes();
window.fixture = fixture;

function Stage() {
  const first = location.hash.slice(1) || "states";
  const [id, setId] = useState<string | null>(first === "new" ? null : first);
  window.show = setId;
  return (
    <main className="flex h-dvh flex-col bg-canvas">
      <ConversationPage id={id} onNavigate={(next) => setId(next)} />
      <Toaster />
      <TooltipLayer />
    </main>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("stage.html has no #root");
createRoot(root).render(
  <StrictMode>
    <ThroughlineProvider client={fixture}>
      <Stage />
    </ThroughlineProvider>
  </StrictMode>,
);
