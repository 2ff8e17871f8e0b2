import { Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { useThroughline } from "../../react/throughline.tsx";
import { classNames } from "../../ui/class_names.ts";
import { lazily } from "../../ui/lazily.tsx";
import { whenFocusIsLost } from "../../ui/lost_focus.ts";
import { Toaster } from "../../ui/toast.tsx";
import { undoNewest } from "../../ui/toast_store.ts";
import { TooltipLayer } from "../../ui/tooltip.tsx";
import { ConnectionBanner } from "../connection/connection_banner.tsx";
import { useCommands } from "../keys/use_commands.ts";
import { SideColumn } from "../list/side_column.tsx";
import { tellOfAnswers } from "../notify/answer_notices.ts";
import { conversationOf, Pages } from "./pages.tsx";
import { ShowListButton } from "./top_bar.tsx";
import { narrowQuery, useMedia } from "./use_media.ts";

const Overlays = lazily(async () => (await import("./overlays.tsx")).Overlays);
export type Overlay = "palette" | "help" | "connection";

/**
 * The page: the list of chats beside what is open. On narrow pages the list lies over it like a drawer, and whichever of the
 * two is not seen cannot be reached by keyboard either.
 */
export function Shell({ whose }: { whose: string }) {
  const client = useThroughline();
  const [path, navigate] = useLocation();
  const narrow = useMedia(narrowQuery);
  const list = useListVisibility(narrow, path);
  const [query, setQuery] = useState("");
  const [overlay, setOverlay] = useState<Overlay | null>(null);
  const searchField = useRef<HTMLInputElement>(null);

  const newChat = useCallback(() => {
    navigate("/");
    list.hideOverPage();
    requestAnimationFrame(() => document.querySelector<HTMLElement>("main textarea")?.focus());
  }, [navigate, list.hideOverPage]);
  const search = useCallback(
    (words?: string) => {
      list.show();
      if (words !== undefined) setQuery(words);
      requestAnimationFrame(() => searchField.current?.focus());
    },
    [list.show],
  );

  useCommands({
    palette: () => setOverlay((shown) => (shown === "palette" ? null : "palette")),
    help: () => setOverlay("help"),
    new_chat: newChat,
    search: () => search(),
    toggle_list: list.toggle,
    undo: undoNewest,
  });
  useEffect(() => tellOfAnswers(client, (id) => navigate(`/c/${id}`)), [client, navigate]);

  const covers = narrow && list.shown;
  const column = useRef<HTMLElement>(null);
  const showList = useRef<HTMLButtonElement>(null);
  // What had the focus lies under the list now: the keyboard, Escape above all, belongs to the list.
  useEffect(() => {
    if (!covers) return;
    if (!column.current?.contains(document.activeElement)) column.current?.focus();
    return () => whenFocusIsLost(() => showList.current?.focus());
  }, [covers]);
  return (
    <div className="flex h-dvh overflow-hidden bg-canvas px-safe pt-safe text-base text-ink">
      <a
        href="#main"
        className="absolute top-2 left-2 z-50 -translate-y-16 rounded-md bg-thread px-4 py-2 text-on-thread focus:translate-y-0"
      >
        Skip to the chat
      </a>
      {covers && (
        <button
          type="button"
          aria-label="Hide the list"
          tabIndex={-1}
          className="fixed inset-0 z-20 bg-scrim"
          onClick={list.hide}
        />
      )}
      <aside
        ref={column}
        tabIndex={-1}
        aria-label="Chats"
        inert={!list.shown}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !covers || event.defaultPrevented) return;
          // Taken: it stops no answer as well.
          event.preventDefault();
          list.hide();
        }}
        className={classNames(
          "flex w-side shrink-0 flex-col bg-side",
          "max-md:fixed max-md:inset-y-0 max-md:left-0 max-md:z-30 max-md:max-w-[85%] max-md:pt-safe max-md:shadow-float",
          "max-md:duration-200 max-md:ease-calm",
          // Seen from its first moment on, or it could not have the focus; until it is out of sight when it goes.
          list.shown ? "max-md:transition-[translate]" : "max-md:transition-[translate,visibility]",
          "md:border-line md:border-r",
          !list.shown && "max-md:invisible max-md:-translate-x-full md:hidden",
        )}
      >
        <SideColumn
          key={whose}
          currentId={conversationOf(path)}
          searchField={searchField}
          query={query}
          onQuery={setQuery}
          onHide={list.hide}
          onNewChat={newChat}
          onConnection={() => setOverlay("connection")}
        />
      </aside>
      <div inert={covers} className="flex min-w-0 flex-1 flex-col">
        <ConnectionBanner />
        <main id="main" tabIndex={-1} className="flex min-h-0 flex-1 flex-col outline-none">
          <Pages
            key={whose}
            leading={
              list.shown && !narrow ? null : <ShowListButton button={showList} onShowList={list.show} />
            }
          />
        </main>
      </div>
      {overlay !== null && (
        <Suspense>
          <Overlays
            overlay={overlay}
            onClose={() => setOverlay(null)}
            onShow={setOverlay}
            onNewChat={newChat}
            onSearch={search}
          />
        </Suspense>
      )}
      <Toaster />
      <TooltipLayer />
    </div>
  );
}

/** Wide: the list stays until it is hidden, which is remembered. Narrow: it is called for, and gone once something is open. */
function useListVisibility(narrow: boolean, path: string) {
  const [overPage, setOverPage] = useState(false);
  const [beside, setBeside] = useState(readBeside);
  const lastPath = useRef(path);
  useEffect(() => {
    if (lastPath.current === path) return;
    lastPath.current = path;
    setOverPage(false);
  }, [path]);
  return useMemo(() => {
    const shown = narrow ? overPage : beside;
    const set = (next: boolean) => {
      if (narrow) setOverPage(next);
      else {
        setBeside(next);
        keepBeside(next);
      }
    };
    return {
      shown,
      show: () => set(true),
      hide: () => set(false),
      toggle: () => set(!shown),
      hideOverPage: () => setOverPage(false),
    };
  }, [narrow, overPage, beside]);
}

const besideKey = "throughline.list_hidden";

function readBeside(): boolean {
  try {
    return localStorage.getItem(besideKey) === null;
  } catch {
    return true;
  }
}

function keepBeside(shown: boolean): void {
  try {
    if (shown) localStorage.removeItem(besideKey);
    else localStorage.setItem(besideKey, "1");
  } catch {
    // It holds for this page.
  }
}
