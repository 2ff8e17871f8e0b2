import { Popover as Base } from "@base-ui/react/popover";
import type { ReactElement, ReactNode } from "react";

export interface PopoverProps {
  /** What opens it: a Button or an IconButton. */
  trigger: ReactElement<Record<string, unknown>>;
  title: string;
  children: ReactNode;
  align?: "start" | "center" | "end" | undefined;
}

/** A small window beside what opened it. Escape and a press elsewhere close it, the focus goes back. */
export function Popover({ trigger, title, children, align = "start" }: PopoverProps) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner align={align} sideOffset={6} collisionPadding={8} className="z-50">
          <Base.Popup className="max-h-(--available-height) max-w-(--available-width) overflow-y-auto rounded-md border border-line bg-surface px-4 py-3 text-ink text-sm shadow-float outline-none">
            <Base.Title className="mb-2 font-semibold">{title}</Base.Title>
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
