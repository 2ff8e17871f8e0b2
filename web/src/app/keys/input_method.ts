/**
 * Whether an input method is putting a character together: its Enter, Escape and arrows are its own. Safari ends the
 * composition before the key that ended it, and says only by the key code 229 whose it was.
 */
export function isOfInputMethod(press: { readonly isComposing: boolean; readonly keyCode: number }): boolean {
  return press.isComposing || press.keyCode === 229;
}
