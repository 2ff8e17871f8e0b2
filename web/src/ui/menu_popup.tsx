import { Menu as Base } from "@base-ui/react/menu";
import { Check } from "lucide-react";
import { type ReactNode, useRef } from "react";
import { classNames } from "./class_names.ts";
import { Kbd } from "./kbd.tsx";
import {
  type MenuChoicesProps,
  type MenuGroupProps,
  type MenuItemProps,
  type MenuParts,
  MenuPartsContext,
} from "./menu.tsx";
import { isOfAnchor, landmarkOf, type OpenPopup } from "./popup_trigger.tsx";

export interface MenuPopupProps extends OpenPopup {
  align: "start" | "center" | "end";
  side: "top" | "bottom";
  children: ReactNode;
}

/** The open half of a menu. */
export function MenuPopup({ anchor, popupId, byKey, onClose, align, side, children }: MenuPopupProps) {
  // The popup has the focus first; who opened it by a key wants the first thing in it.
  const forward = useRef(byKey);
  return (
    <Base.Root
      open
      modal={false}
      onOpenChange={(open, { event }) => !open && !isOfAnchor(anchor, event) && onClose()}
    >
      <Base.Portal container={landmarkOf(anchor)}>
        <Base.Positioner
          anchor={anchor}
          align={align}
          side={side}
          sideOffset={6}
          collisionPadding={8}
          positionMethod="fixed"
          className="z-50"
        >
          <Base.Popup
            id={popupId}
            aria-label={anchor.getAttribute("aria-label") ?? anchor.textContent}
            onFocus={({ target, currentTarget }) => {
              if (target !== currentTarget || !forward.current) return;
              forward.current = false;
              currentTarget.querySelector<HTMLElement>("[role^=menuitem]")?.focus();
            }}
            finalFocus={() => anchor}
            className={classNames(
              "max-h-(--available-height) min-w-44 max-w-(--available-width) overflow-y-auto rounded-md border border-line",
              "bg-surface p-1 text-sm text-ink shadow-float outline-none",
            )}
          >
            <MenuPartsContext value={parts}>{children}</MenuPartsContext>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

const item =
  "flex min-h-8 cursor-pointer select-none items-center gap-2.5 rounded-sm px-2.5 py-1 outline-none " +
  "data-[highlighted]:bg-hover data-[disabled]:cursor-default data-[disabled]:opacity-50";

function Item({ onSelect, children, icon, keys, danger = false, disabled = false }: MenuItemProps) {
  return (
    <Base.Item
      onClick={onSelect}
      disabled={disabled}
      className={classNames(item, danger && "text-danger data-[highlighted]:bg-danger-wash")}
    >
      {icon !== undefined && <span className="inline-flex size-4 shrink-0 items-center">{icon}</span>}
      <span className="min-w-0 flex-1">{children}</span>
      {keys !== undefined && (
        <span className="pointer-coarse:hidden">
          <Kbd keys={keys} />
        </span>
      )}
    </Base.Item>
  );
}

function Choices({ value, choices, onChoose }: MenuChoicesProps) {
  return (
    <Base.RadioGroup value={value} onValueChange={onChoose}>
      {choices.map((choice) => (
        <Base.RadioItem key={choice.value} value={choice.value} closeOnClick className={item}>
          <span className="min-w-0 flex-1">
            <span className="block truncate">{choice.text}</span>
            {choice.detail !== undefined && (
              <span className="block truncate text-faint text-xs">{choice.detail}</span>
            )}
          </span>
          <span className="inline-flex size-4 shrink-0 text-thread">
            <Base.RadioItemIndicator>
              <Check className="size-4" aria-hidden="true" />
            </Base.RadioItemIndicator>
          </span>
        </Base.RadioItem>
      ))}
    </Base.RadioGroup>
  );
}

function Group({ label, children }: MenuGroupProps) {
  return (
    <Base.Group>
      <Base.GroupLabel className="px-2.5 py-1 text-faint text-xs">{label}</Base.GroupLabel>
      {children}
    </Base.Group>
  );
}

function Separator() {
  return <Base.Separator className="my-1 h-px bg-line" />;
}

const parts: MenuParts = { Item, Choices, Group, Separator };
