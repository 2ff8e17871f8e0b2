import { useEffect, useRef } from "react";
import { type Command, commandOf, isKept, type Surroundings } from "./keymap.ts";

const apple = /mac|iphone|ipad/i.test(navigator.platform);

/** Whether letters become text in what has the focus. */
export function isTypingIn(element: Element | null): boolean {
  if (element instanceof HTMLInputElement)
    return !["checkbox", "radio", "button", "submit", "range", "file"].includes(element.type);
  return (
    element instanceof HTMLTextAreaElement ||
    element instanceof HTMLSelectElement ||
    (element instanceof HTMLElement && element.isContentEditable)
  );
}

/**
 * Listens to the whole page's keyboard and calls what belongs to a command. A handler that returns false did nothing, and the
 * key keeps its meaning. What lies over the page (dialogs, menus) has the keyboard for itself, but for the command that
 * brought it, which it names in `data-command`.
 */
export function useCommands(handlers: Readonly<Record<Command, () => unknown>>): void {
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return;
      const command = commandOf(event, {
        typing: isTypingIn(document.activeElement),
        covered: whatCovers(),
        apple,
      });
      if (command === undefined) {
        if (isKept(event, apple)) event.preventDefault();
      } else if (latest.current[command]() !== false) event.preventDefault();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
}

function whatCovers(): Surroundings["covered"] {
  const over = document.querySelector<HTMLElement>("[role=dialog], [role=alertdialog], [role=menu]");
  if (over === null) return null;
  return over.dataset["command"] === "palette" ? "palette" : "by_something";
}
