import { type ComponentType, createContext, type ReactNode, Suspense, useContext } from "react";
import { lazily } from "./lazily.tsx";
import { type PopupTrigger, usePopupTrigger } from "./popup_trigger.tsx";

const MenuPopup = lazily(async () => (await import("./menu_popup.tsx")).MenuPopup);

export interface MenuProps {
  trigger: PopupTrigger;
  /** MenuItem, MenuChoices, MenuGroup, MenuSeparator. */
  children: ReactNode;
  align?: "start" | "center" | "end" | undefined;
  side?: "top" | "bottom" | undefined;
  onOpenChange?: ((open: boolean) => void) | undefined;
}

/** A menu that a button opens. Arrows, typing ahead, Escape and the way of the focus are done. */
export function Menu({ trigger, children, align = "start", side = "bottom", onOpenChange }: MenuProps) {
  const { button, popup } = usePopupTrigger("menu", trigger, onOpenChange);
  return (
    <>
      {button}
      {popup !== null && (
        <Suspense>
          <MenuPopup {...popup} align={align} side={side}>
            {children}
          </MenuPopup>
        </Suspense>
      )}
    </>
  );
}

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

export interface MenuChoice {
  readonly value: string;
  readonly text: string;
  /** A second, smaller line. */
  readonly detail?: string | undefined;
}

export interface MenuChoicesProps {
  value: string;
  choices: readonly MenuChoice[];
  onChoose: (value: string) => void;
}

export interface MenuGroupProps {
  label: string;
  children: ReactNode;
}

/** What is in a menu, as the popup draws it: it is loaded with the popup. */
export interface MenuParts {
  readonly Item: ComponentType<MenuItemProps>;
  readonly Choices: ComponentType<MenuChoicesProps>;
  readonly Group: ComponentType<MenuGroupProps>;
  readonly Separator: ComponentType;
}

export const MenuPartsContext = createContext<MenuParts | null>(null);

function useParts(): MenuParts {
  const parts = useContext(MenuPartsContext);
  if (parts === null) throw new Error("There is no Menu around this part of one");
  return parts;
}

export function MenuItem(props: MenuItemProps) {
  const { Item } = useParts();
  return <Item {...props} />;
}

/** One of several; the chosen one has a check mark. Choosing closes the menu. */
export function MenuChoices(props: MenuChoicesProps) {
  const { Choices } = useParts();
  return <Choices {...props} />;
}

/** A part of a menu with a heading. */
export function MenuGroup(props: MenuGroupProps) {
  const { Group } = useParts();
  return <Group {...props} />;
}

export function MenuSeparator() {
  const { Separator } = useParts();
  return <Separator />;
}
