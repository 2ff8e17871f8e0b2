import { Tooltip as Base } from "@base-ui/react/tooltip";
import type { ReactElement } from "react";
import { Kbd } from "./kbd.tsx";

interface Words {
  readonly text: string;
  readonly keys?: string | undefined;
}

/** All triggers share one popup: a row of ten buttons costs ten triggers, not ten popups. */
const shared = Base.createHandle<Words>();

/**
 * Words that appear beside what they are about, on hover and focus. They are for eyes only: the child must have its own
 * accessible name. The child is one element that takes a ref and the props of a button or link.
 */
export function Tooltip({
  text,
  keys,
  children,
}: {
  text: string;
  keys?: string | undefined;
  children: ReactElement<Record<string, unknown>>;
}) {
  return <Base.Trigger handle={shared} payload={{ text, keys }} delay={500} render={children} />;
}

/** Draws the tooltips of the whole page. Once, at its root. */
export function TooltipLayer() {
  return (
    <Base.Root handle={shared}>
      {({ payload }) => (
        <Base.Portal>
          <Base.Positioner sideOffset={6} className="z-50">
            <Base.Popup
              aria-hidden="true"
              className="flex items-center gap-2 rounded-sm bg-ink px-2 py-1 text-xs text-canvas shadow-float"
            >
              {payload?.text}
              {payload?.keys !== undefined && <Kbd keys={payload.keys} />}
            </Base.Popup>
          </Base.Positioner>
        </Base.Portal>
      )}
    </Base.Root>
  );
}
