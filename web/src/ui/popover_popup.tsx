import { Popover as Base } from "@base-ui/react/popover";
import type { ReactNode } from "react";
import { isOfAnchor, landmarkOf, type OpenPopup } from "./popup_trigger.tsx";

export interface PopoverPopupProps extends OpenPopup {
  title: string;
  align: "start" | "center" | "end";
  children: ReactNode;
}

/** The open half of a popover. */
export function PopoverPopup({ anchor, popupId, onClose, title, align, children }: PopoverPopupProps) {
  return (
    <Base.Root open onOpenChange={(open, { event }) => !open && !isOfAnchor(anchor, event) && onClose()}>
      <Base.Portal container={landmarkOf(anchor)}>
        <Base.Positioner
          anchor={anchor}
          align={align}
          sideOffset={6}
          collisionPadding={8}
          positionMethod="fixed"
          className="z-50"
        >
          <Base.Popup
            id={popupId}
            finalFocus={() => anchor}
            className="max-h-(--available-height) max-w-(--available-width) overflow-y-auto rounded-md border border-line bg-surface px-4 py-3 text-ink text-sm shadow-float outline-none"
          >
            <Base.Title className="mb-2 font-semibold">{title}</Base.Title>
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
