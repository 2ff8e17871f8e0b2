import { isOfInputMethod } from "../../keys/input_method.ts";

/** What a key means in the composer. Pure; doing it is the composer's. */
export type ComposerAct = "send" | "stop" | "edit_last";

export interface ComposerKey {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly isComposing: boolean;
  readonly keyCode: number;
}

export interface ComposerSituation {
  readonly text: string;
  readonly running: boolean;
  readonly canEditLast: boolean;
  /** A screen keyboard, which has no other way to a new line: Enter is one, the button sends. */
  readonly touch: boolean;
}

/** The act of a key press, or null: then the browser does with it what it always does. */
export function composerAct(press: ComposerKey, situation: ComposerSituation): ComposerAct | null {
  if (isOfInputMethod(press)) return null;
  const plain = !press.shiftKey && !press.altKey;
  const mod = press.ctrlKey || press.metaKey;
  if (press.key === "Enter" && plain && (mod || !situation.touch)) return "send";
  if (mod || !plain) return null;
  if (press.key === "Escape" && situation.running) return "stop";
  if (press.key === "ArrowUp" && situation.text === "" && situation.canEditLast) return "edit_last";
  return null;
}

export type EditorAct = "send" | "cancel";

/** In the editor of an earlier question Enter is a new line, since it is often long. */
export function editorAct(press: ComposerKey): EditorAct | null {
  if (isOfInputMethod(press) || press.shiftKey || press.altKey) return null;
  if (press.key === "Enter" && (press.ctrlKey || press.metaKey)) return "send";
  if (press.key === "Escape") return "cancel";
  return null;
}
