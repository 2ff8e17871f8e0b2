import type { DataTools } from "@throughline/client";
import { useEffect, useRef, useState } from "react";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/dialog.tsx";
import { showToast } from "../../ui/toast_store.ts";
import { useClient } from "../client.tsx";
import { saveFile } from "./save_file.ts";

export function DataSettings() {
  return (
    <div className="flex flex-col gap-8">
      <ExportAll />
      <Cache />
    </div>
  );
}

type ExportState =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly done: number; readonly all: number }
  | { readonly kind: "failed"; readonly why: string };

function ExportAll() {
  const { data } = useClient();
  const [state, setState] = useState<ExportState>({ kind: "idle" });
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const run = async () => {
    const mine = new AbortController();
    abort.current = mine;
    setState({ kind: "running", done: 0, all: 0 });
    try {
      const blob = await data.exportAll((done, all) => setState({ kind: "running", done, all }), mine.signal);
      saveFile(blob, `throughline-${new Date().toISOString().slice(0, 10)}.json`);
      showToast({ text: "All chats are exported" });
      setState({ kind: "idle" });
    } catch (error) {
      if (mine.signal.aborted) setState({ kind: "idle" });
      else setState({ kind: "failed", why: error instanceof Error ? error.message : String(error) });
    }
  };

  return (
    <div>
      <h3 className="font-medium">Export</h3>
      <p className="mt-0.5 mb-3 text-soft text-sm">All chats with all their versions, in one JSON file.</p>
      {state.kind === "running" ? (
        <div className="flex items-center gap-4">
          <progress
            aria-label="Exporting"
            className="h-1.5 min-w-0 max-w-60 flex-1"
            {...(state.all > 0 ? { value: state.done, max: state.all } : {})}
          />
          <span className="text-sm tabular-nums">
            {state.all > 0 ? `${state.done} of ${state.all}` : "Starting"}
          </span>
          <Button size="sm" onClick={() => abort.current?.abort()}>
            Cancel
          </Button>
        </div>
      ) : (
        <Button onClick={() => void run()}>Export all chats</Button>
      )}
      {state.kind === "failed" && (
        <p role="alert" className="mt-2 text-danger text-sm">
          The export broke off: {state.why} Nothing was changed; it can be started again.
        </p>
      )}
    </div>
  );
}

type CacheUse = Awaited<ReturnType<DataTools["usage"]>>;

function Cache() {
  const { data, conversations } = useClient();
  const [use, setUse] = useState<CacheUse | "unknown" | null>(null);
  const [asking, setAsking] = useState(false);
  const [clearing, setClearing] = useState(false);

  useEffect(() => {
    let left = false;
    const count = () =>
      void data.usage().then(
        (found) => !left && setUse(found),
        () => !left && setUse("unknown"),
      );
    count();
    // More is known, or kept in full, whenever the list changes.
    const end = conversations.subscribe(count);
    return () => {
      left = true;
      end();
    };
  }, [data, conversations]);

  const clear = async () => {
    setClearing(true);
    try {
      await data.clearCache();
      showToast({ text: "This device has forgotten its copies" });
      setUse(await data.usage());
    } catch {
      showToast({ text: "The copies could not be removed", tone: "problem" });
    } finally {
      setClearing(false);
    }
  };

  return (
    <div>
      <h3 className="font-medium">On this device</h3>
      <p role="status" className="mt-0.5 mb-3 text-soft text-sm">
        {wordsOfUse(use)}
      </p>
      <Button busy={clearing} onClick={() => setAsking(true)}>
        Clear the cache
      </Button>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title="Clear the cache of this device?"
        description="Your chats stay in the engine, and messages that wait to be sent stay here. Until the chats are loaded again they cannot be read offline."
        confirm="Clear"
        onConfirm={() => void clear()}
      />
    </div>
  );
}

function wordsOfUse(use: CacheUse | "unknown" | null): string {
  if (use === null) return "Counting…";
  if (use === "unknown") return "This browser does not say what it keeps.";
  const size = use.bytes === null ? "" : `, ${megabytes(use.bytes)} in all`;
  if (use.conversations === 0) return `No chats are known here yet${size}.`;
  const chats = use.conversations === 1 ? "1 chat is" : `${use.conversations} chats are`;
  return `${chats} known here by name, ${use.inFull} of them can be read offline${size}.`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toLocaleString(undefined, { maximumFractionDigits: 1 })} MB`;
}
