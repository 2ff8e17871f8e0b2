import type { CacheSnapshot } from "virtua";

/** Where a reader was in a conversation. Anchored to a message, so that what changed above meanwhile moves nothing. */
export type Place =
  | { readonly kind: "end" }
  | {
      readonly kind: "at";
      /** Key of the topmost message that was seen. */
      readonly key: string;
      /** How far its top was above the top of the window, in pixels. */
      readonly offset: number;
    };

/** `sizes` spares a long list measuring again; it holds for as many messages as it was taken of. */
export interface Remembered {
  readonly place: Place;
  readonly sizes: { readonly count: number; readonly cache: CacheSnapshot } | null;
}

const kept = 50;
const places = new Map<string, Remembered>();

/** For as long as the page lives, the last 50 conversations. */
export function rememberPlace(conversation: string, remembered: Remembered): void {
  places.delete(conversation);
  places.set(conversation, remembered);
  const oldest = places.keys().next();
  if (places.size > kept && oldest.done === false) places.delete(oldest.value);
}

export function placeOf(conversation: string): Remembered | undefined {
  return places.get(conversation);
}
