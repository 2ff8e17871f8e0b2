import { Menu as Base } from "@base-ui/react/menu";
import { Check } from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import { classNames } from "./class_names.ts";
import { Kbd } from "./kbd.tsx";

export interface MenuProps {
  /** What opens it: a Button or an IconButton. */
  trigger: ReactElement<Record<string, unknown>>;
  /** MenuItem, MenuChoices, MenuGroupLabel, MenuSeparator. */
  children: ReactNode;
  align?: "start" | "center" | "end" | undefined;
  side?: "top" | "bottom" | undefined;
  onOpenChange?: ((open: boolean) => void) | undefined;
}

/** A menu that a button opens. Arrows, typing ahead, Escape and the way of the focus are done. */
export function Menu({ trigger, children, align = "start", side = "bottom", onOpenChange }: MenuProps) {
  return (
    <Base.Root modal={false} {...(onOpenChange === undefined ? {} : { onOpenChange })}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner align={align} side={side} sideOffset={6} collisionPadding={8} className="z-50">
          <Base.Popup
            className={classNames(
              "max-h-(--available-height) min-w-44 max-w-(--available-width) overflow-y-auto rounded-md border border-line",
              "bg-surface p-1 text-sm text-ink shadow-float outline-none",
            )}
          >
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

const item =
  "flex min-h-8 cursor-pointer select-none items-center gap-2.5 rounded-sm px-2.5 py-1 outline-none " +
  "data-[highlighted]:bg-hover data-[disabled]:cursor-default data-[disabled]:opacity-50";

export interface MenuItemProps {
  onSelect: () => void;
  children: ReactNode;
  /** 16 px. */
  icon?: ReactNode;
  keys?: string | undefined;
  /** What it does takes something away. */
  danger?: boolean | undefined;
  disabled?: boolean | undefined;
}

export function MenuItem({
  onSelect,
  children,
  icon,
  keys,
  danger = false,
  disabled = false,
}: MenuItemProps) {
  return (
    <Base.Item
      onClick={onSelect}
      disabled={disabled}
      className={classNames(item, danger && "text-danger data-[highlighted]:bg-danger-wash")}
    >
      {icon !== undefined && <span className="inline-flex size-4 shrink-0 items-center">{icon}</span>}
      <span className="min-w-0 flex-1">{children}</span>
      {keys !== undefined && <Kbd keys={keys} />}
    </Base.Item>
  );
}

export interface MenuChoice<Value extends string> {
  readonly value: Value;
  readonly text: string;
  /** A second, smaller line. */
  readonly detail?: string | undefined;
}

/** One of several; the chosen one has a check mark. Choosing closes the menu. */
export function MenuChoices<Value extends string>({
  value,
  choices,
  onChoose,
}: {
  value: Value;
  choices: readonly MenuChoice<Value>[];
  onChoose: (value: Value) => void;
}) {
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

/** A part of a menu with a heading. */
export function MenuGroup({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Base.Group>
      <Base.GroupLabel className="px-2.5 py-1 text-faint text-xs">{label}</Base.GroupLabel>
      {children}
    </Base.Group>
  );
}

export function MenuSeparator() {
  return <Base.Separator className="my-1 h-px bg-line" />;
}
