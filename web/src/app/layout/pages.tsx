import { Suspense, useCallback } from "react";
import { Route, Switch, useLocation } from "wouter";
import { Spinner } from "../../ui/spinner.tsx";
import { useClient, useReadable } from "../client.tsx";
import { ConversationPage } from "../conversation/conversation_page.tsx";
import { lazily } from "../lazily.tsx";
import { PageBadge } from "../notify/page_badge.tsx";
import { FirstStart } from "../states/first_start.tsx";
import { NotHere } from "../states/not_here.tsx";
import { RegionBoundary } from "./region_boundary.tsx";

const SettingsPage = lazily(async () => (await import("../settings/settings_page.tsx")).SettingsPage);

/** The id in the address of a conversation; null elsewhere. */
export function conversationOf(path: string): string | null {
  const id = /^\/c\/([^/]+)$/.exec(path)?.[1];
  return id === undefined ? null : decodeURIComponent(id);
}

/** What the address says, each page behind its own boundary. */
export function Pages() {
  const client = useClient();
  const identity = useReadable(client.identity);
  const { state } = useReadable(client.connection);
  const [path] = useLocation();
  const unreachable = state.kind === "offline" || state.kind === "waiting";
  if (identity.kind === "unknown" && unreachable) return <FirstStart />;
  return (
    <RegionBoundary name="This page" resetKey={path}>
      <Switch>
        <Route path="/">
          <NewChat />
        </Route>
        <Route path="/c/:id">{({ id }) => <Conversation id={id} />}</Route>
        <Route path="/settings">
          <PageBadge name="Settings" />
          <Suspense fallback={<Loading />}>
            <SettingsPage />
          </Suspense>
        </Route>
        <Route>
          <PageBadge name={null} />
          <NotHere />
        </Route>
      </Switch>
    </RegionBoundary>
  );
}

function NewChat() {
  return (
    <>
      <PageBadge name={null} />
      <ConversationPage id={null} onNavigate={useChatAddress()} />
    </>
  );
}

function Conversation({ id }: { id: string }) {
  const { title } = useReadable(useClient().conversation(id));
  return (
    <>
      <PageBadge name={title} />
      <ConversationPage id={id} onNavigate={useChatAddress()} />
    </>
  );
}

/** Goes to a chat, or to the page of a new one. */
function useChatAddress(): (id: string | null, options?: { readonly replace: boolean }) => void {
  const [, navigate] = useLocation();
  return useCallback(
    (id, options) => navigate(id === null ? "/" : `/c/${encodeURIComponent(id)}`, options),
    [navigate],
  );
}

function Loading() {
  return (
    <div className="flex h-full items-center justify-center text-faint">
      <Spinner label="Loading" />
    </div>
  );
}
