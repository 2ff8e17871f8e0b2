import { cloneElement, type KeyboardEvent, type MouseEvent, type ReactElement, useId, useState } from "react";

/** What opens a popup: a Button, an IconButton or a plain `<button>`. */
export type PopupTrigger = ReactElement<Record<string, unknown>>;

/** What a popup is told by its trigger. It is drawn only while it is open. */
export interface OpenPopup {
  /** Beside what it stands. The focus goes back there. */
  readonly anchor: HTMLElement;
  readonly popupId: string;
  /** Opened by a key: then the focus goes to the first thing in it. */
  readonly byKey: boolean;
  readonly onClose: () => void;
}

/**
 * The closed half of a popup. A page has dozens of triggers and seldom an open popup, so a trigger is a button that knows how
 * to be one, and the code of the popups is not loaded before the first is opened (or the page is idle).
 */
export function usePopupTrigger(
  kind: "menu" | "dialog",
  trigger: PopupTrigger,
  onOpenChange?: (open: boolean) => void,
): { readonly button: PopupTrigger; readonly popup: OpenPopup | null } {
  const popupId = useId();
  const [opened, setOpened] = useState<Pick<OpenPopup, "anchor" | "byKey"> | null>(null);
  const set = (next: typeof opened) => {
    setOpened(next);
    onOpenChange?.(next !== null);
  };
  const button = cloneElement(trigger, {
    "aria-haspopup": kind,
    "aria-expanded": opened !== null,
    "aria-controls": opened === null ? undefined : popupId,
    "data-popup-open": opened === null ? undefined : "",
    // A press by a key counts no clicks.
    onClick: ({ currentTarget, detail }: MouseEvent<HTMLElement>) =>
      set(opened === null ? { anchor: currentTarget, byKey: detail === 0 } : null),
    onKeyDown(event: KeyboardEvent<HTMLElement>) {
      if (kind !== "menu" || opened !== null || (event.key !== "ArrowDown" && event.key !== "ArrowUp"))
        return;
      event.preventDefault();
      set({ anchor: event.currentTarget, byKey: true });
    },
  });
  return { button, popup: opened === null ? null : { ...opened, popupId, onClose: () => set(null) } };
}

/** Where a popup belongs in the page: in the landmark of what it is about, so that it can be found there. */
export function landmarkOf(anchor: HTMLElement): HTMLElement {
  return anchor.closest<HTMLElement>("main, aside, [role=dialog]") ?? document.body;
}

/** Whether a popup closes because its own trigger was pressed: that press closes it by itself. */
export function isOfAnchor(anchor: HTMLElement, event: Event): boolean {
  const target = event instanceof FocusEvent ? event.relatedTarget : event.target;
  return target instanceof Node && anchor.contains(target);
}
