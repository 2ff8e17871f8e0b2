import { type ReactNode, Suspense, useCallback } from "react";
import { Route, Switch, useLocation } from "wouter";
import { useConnection, useReadable, useThroughline } from "../../react/throughline.tsx";
import { lazily } from "../../ui/lazily.tsx";
import { Spinner } from "../../ui/spinner.tsx";
import { ConversationPage } from "../conversation/conversation_page.tsx";
import { PageBadge } from "../notify/page_badge.tsx";
import { FirstStart } from "../states/first_start.tsx";
import { NotHere } from "../states/not_here.tsx";
import { RegionBoundary } from "./region_boundary.tsx";
import { WithLeading } from "./top_bar.tsx";

const SettingsPage = lazily(async () => (await import("../settings/settings_page.tsx")).SettingsPage);

/** The id in the address of a conversation; null elsewhere. */
export function conversationOf(path: string): string | null {
  const id = /^\/c\/([^/]+)$/.exec(path)?.[1];
  if (id === undefined) return null;
  try {
    return decodeURIComponent(id);
  } catch {
    // A lone % in an address that was cut: no conversation is called that, and its page says so.
    return id;
  }
}

/** What the address says, each page behind its own boundary. `leading`: what stands first in the header of each. */
export function Pages({ leading }: { leading: ReactNode }) {
  const client = useThroughline();
  const identity = useReadable(client.identity);
  const { state } = useConnection();
  const [path] = useLocation();
  const unreachable = state.kind === "offline" || state.kind === "waiting";
  if (identity.kind === "unknown" && unreachable)
    return (
      <WithLeading leading={leading}>
        <FirstStart />
      </WithLeading>
    );
  return (
    <RegionBoundary name="This page" resetKey={path}>
      <Switch>
        <Route path="/">
          <NewChat leading={leading} />
        </Route>
        <Route path="/c/:id">{({ id }) => <Conversation id={id} leading={leading} />}</Route>
        <Route path="/settings">
          <PageBadge name="Settings" />
          <WithLeading leading={leading}>
            <Suspense fallback={<Loading />}>
              <SettingsPage />
            </Suspense>
          </WithLeading>
        </Route>
        <Route>
          <PageBadge name={null} />
          <WithLeading leading={leading}>
            <NotHere />
          </WithLeading>
        </Route>
      </Switch>
    </RegionBoundary>
  );
}

/** The pages speak of chats, the address of paths. */
function useOpen() {
  const [, navigate] = useLocation();
  return useCallback(
    (id: string | null, options?: { readonly replace: boolean }) =>
      navigate(id === null ? "/" : `/c/${encodeURIComponent(id)}`, options),
    [navigate],
  );
}

function NewChat({ leading }: { leading: ReactNode }) {
  return (
    <>
      <PageBadge name={null} />
      <ConversationPage id={null} onNavigate={useOpen()} leading={leading} />
    </>
  );
}

function Conversation({ id, leading }: { id: string; leading: ReactNode }) {
  const { title } = useReadable(useThroughline().conversation(id));
  return (
    <>
      <PageBadge name={title} />
      <ConversationPage id={id} onNavigate={useOpen()} leading={leading} />
    </>
  );
}

function Loading() {
  return (
    <div className="flex h-full items-center justify-center text-faint">
      <Spinner label="Loading" />
    </div>
  );
}
