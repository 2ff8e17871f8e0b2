/**
 * Puts a text on the clipboard. Resolves to whether that worked. Pages that come over plain HTTP from another machine have no
 * clipboard API; there the browser copies what is selected, as it would for Ctrl+C.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard !== undefined) {
      await navigator.clipboard.writeText(text);
      return true;
    }
    return copySelected(text);
  } catch {
    return false;
  }
}

function copySelected(text: string): boolean {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "sr-only";
  // Inside an open dialog, or its trap would take the focus back before the text is selected.
  const home = focused?.parentElement ?? document.body;
  home.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return copied;
}
