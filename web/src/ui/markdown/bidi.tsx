/** Characters that reorder what follows them can make code and addresses read as something else; here they are shown instead. */
import type { ReactNode } from "react";

const controls = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const eachControl = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function hasControls(text: string): boolean {
  return controls.test(text);
}

/** The text with each control character as a small label that names it. The text itself when there is none. */
export function showControls(text: string): ReactNode {
  if (!hasControls(text)) return text;
  const parts: ReactNode[] = [];
  let read = 0;
  for (const { 0: control, index } of text.matchAll(eachControl)) {
    if (index > read) parts.push(text.slice(read, index));
    parts.push(
      <span key={index} className="md-control">
        {`U+${control.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`}
      </span>,
    );
    read = index + 1;
  }
  if (read < text.length) parts.push(text.slice(read));
  return parts;
}
