import { type ReactNode, Suspense } from "react";
import { lazily } from "./lazily.tsx";
import { type PopupTrigger, usePopupTrigger } from "./popup_trigger.tsx";

const PopoverPopup = lazily(async () => (await import("./popover_popup.tsx")).PopoverPopup);

export interface PopoverProps {
  trigger: PopupTrigger;
  title: string;
  children: ReactNode;
  align?: "start" | "center" | "end" | undefined;
}

/** A small window beside what opened it. Escape and a press elsewhere close it, the focus goes back. */
export function Popover({ trigger, title, children, align = "start" }: PopoverProps) {
  const { button, popup } = usePopupTrigger("dialog", trigger);
  return (
    <>
      {button}
      {popup !== null && (
        <Suspense>
          <PopoverPopup {...popup} title={title} align={align}>
            {children}
          </PopoverPopup>
        </Suspense>
      )}
    </>
  );
}
