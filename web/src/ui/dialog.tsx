import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "./button.tsx";
import { classNames } from "./class_names.ts";
import { ScrollRegion } from "./scroll_region.tsx";

export interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** A sentence below the title. */
  description?: ReactNode;
  children?: ReactNode;
  /** Buttons, the main one last. */
  footer?: ReactNode;
  /** `wide` for what is more than a question. */
  width?: "dialog" | "wide" | undefined;
}

/** A modal dialog: keeps the focus, Escape and a press beside it close it, the focus goes back to where it was. */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  children,
  footer,
  width = "dialog",
}: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-scrim" />
        <Base.Viewport className="fixed inset-0 z-40 flex items-end justify-center p-3 sm:items-center">
          <Base.Popup
            className={classNames(
              "flex max-h-full w-full flex-col rounded-lg border border-line bg-surface text-base text-ink shadow-float outline-none",
              width === "wide" ? "max-w-read" : "max-w-dialog",
            )}
          >
            <header className="flex items-start gap-3 px-5 pt-4">
              <div className="min-w-0 flex-1 pt-1">
                <Base.Title className="font-semibold text-lg">{title}</Base.Title>
                {description !== undefined && (
                  <Base.Description className="mt-1 text-soft">{description}</Base.Description>
                )}
              </div>
              {/* Without a tooltip: it has the focus first, and Escape would close that before the dialog. */}
              <Base.Close
                aria-label="Close"
                className="inline-flex size-9 shrink-0 cursor-pointer items-center justify-center rounded-md text-soft hover:bg-hover hover:text-ink"
              >
                <X className="size-4" aria-hidden="true" />
              </Base.Close>
            </header>
            {children === undefined ? (
              <div className="h-4" />
            ) : (
              <ScrollRegion
                label={{ text: title }}
                className="min-h-0 overflow-y-auto rounded-lg px-5 py-4 -outline-offset-2"
              >
                {children}
              </ScrollRegion>
            )}
            {footer !== undefined && (
              <footer className="flex flex-wrap justify-end gap-2 px-5 pb-4">{footer}</footer>
            )}
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

export interface ConfirmDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** What happens, and what does not. */
  description: ReactNode;
  /** What the button says: a verb. */
  confirm: string;
  onConfirm: () => void;
  danger?: boolean | undefined;
}

/** A question before something that cannot be undone. */
export function ConfirmDialog({
  open,
  onOpenChange,
  title,
  description,
  confirm,
  onConfirm,
  danger = false,
}: ConfirmDialogProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={title}
      description={description}
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button
            variant={danger ? "danger" : "primary"}
            onClick={() => {
              onOpenChange(false);
              onConfirm();
            }}
          >
            {confirm}
          </Button>
        </>
      }
    />
  );
}
