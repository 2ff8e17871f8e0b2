import { Dialog } from "../../ui/dialog.tsx";
import { Kbd } from "../../ui/kbd.tsx";
import { localShortcuts, shortcuts } from "./keymap.ts";

/** All shortcuts, from the table that makes them work. */
export function HelpSheet({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open onOpenChange={onClose} title="Shortcuts" width="wide">
      <ShortcutTables />
    </Dialog>
  );
}

export function ShortcutTables() {
  return (
    <div className="grid gap-x-10 gap-y-6 md:grid-cols-2">
      <Table place="Everywhere" rows={shortcuts.map(({ keys, text }) => [keys, text] as const)} />
      <div className="flex flex-col gap-6">
        {localShortcuts.map(({ place, keys }) => (
          <Table key={place} place={place} rows={keys} />
        ))}
      </div>
    </div>
  );
}

function Table({ place, rows }: { place: string; rows: readonly (readonly [string, string])[] }) {
  return (
    <section>
      <h3 className="mb-1 font-medium">{place}</h3>
      <dl>
        {rows.map(([keys, text]) => (
          <div key={keys} className="flex min-h-8 items-center justify-between gap-4 border-line border-t">
            <dt className="text-soft text-sm">{text}</dt>
            <dd>
              <Kbd keys={keys} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
