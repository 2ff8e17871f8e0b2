/** `localStorage.debug = "throughline"` tells what happens, for those who look into a page that runs. */
type Field = string | number | boolean | null;

/** How long the answer of the storage is believed. */
const look_again_ms = 2_000;
let isOn = false;
let lookedAt = Number.NEGATIVE_INFINITY;

/** Cheap when off: no text is made, and the storage is read every other second at most. */
export function debug(event: string, fields: Readonly<Record<string, Field>> = {}): void {
  const now = Date.now();
  if (now - lookedAt >= look_again_ms || now < lookedAt) {
    lookedAt = now;
    isOn = isWanted();
  }
  if (isOn) console.debug(`throughline ${event}`, fields);
}

function isWanted(): boolean {
  try {
    return globalThis.localStorage?.getItem("debug")?.includes("throughline") ?? false;
  } catch {
    // Forbidden by the person who browses.
    return false;
  }
}
