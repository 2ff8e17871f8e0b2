import { countText } from "../message/numbers.ts";

/** What the engine takes as one message, in bytes of UTF-8. */
export const contentBytesMax = 256 * 1024;

/** What the text says about its length; null while there is nothing to say. */
export type LengthNote = { readonly tooLong: boolean; readonly text: string } | null;

const encoder = new TextEncoder();

export function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

/** Says so from nine tenths on. Short texts are not measured: a code unit has three bytes at most. */
export function lengthNote(text: string): LengthNote {
  if (text.length * 3 < contentBytesMax * 0.9) return null;
  const bytes = bytesOf(text);
  if (bytes > contentBytesMax) {
    const over = Math.ceil((bytes - contentBytesMax) / 1024);
    return { tooLong: true, text: `${countText(over, "KiB", "KiB")} too long: a message may have 256 KiB.` };
  }
  if (bytes < contentBytesMax * 0.9) return null;
  const left = Math.floor((contentBytesMax - bytes) / 1024);
  return { tooLong: false, text: `Room for ${countText(left, "KiB", "KiB")} more.` };
}

/** Whether it can be sent at all. */
export function isSendable(text: string): boolean {
  return text.trim() !== "" && lengthNote(text)?.tooLong !== true;
}
