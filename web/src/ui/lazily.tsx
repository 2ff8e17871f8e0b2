import { type ComponentType, lazy } from "react";

const reloadedKey = "throughline.reloaded_for_missing_part";
const unfetched: (() => Promise<unknown>)[] = [];

/**
 * A part of the page that is loaded when it is first shown; a Suspense above it says what is seen meanwhile. When it cannot be
 * loaded although there is a network, the page is of an older version whose files are gone: then it is loaded anew, once.
 */
export function lazily<Props extends object>(load: () => Promise<ComponentType<Props>>) {
  unfetched.push(load);
  return lazy(async () => ({ default: await withOneReload(load) }));
}

/** Brings the parts that are not there yet while the page has nothing to do, so that their first use waits for no network. */
export function fetchPartsWhenIdle(): void {
  const load = unfetched.shift();
  if (load === undefined) return;
  const next = () => void load().then(fetchPartsWhenIdle, fetchPartsWhenIdle);
  if ("requestIdleCallback" in globalThis) requestIdleCallback(next);
  else setTimeout(next, 1_000);
}

async function withOneReload<T>(load: () => Promise<T>): Promise<T> {
  try {
    const part = await load();
    setReloaded(false);
    return part;
  } catch (error) {
    if (!navigator.onLine || !setReloaded(true)) throw error;
    location.reload();
    // Nothing more is drawn: the page is on its way out.
    return new Promise(() => {});
  }
}

/** Whether that is news, and was kept: without storage the page would be loaded anew again and again. */
function setReloaded(reloaded: boolean): boolean {
  try {
    const was = sessionStorage.getItem(reloadedKey) !== null;
    if (reloaded) sessionStorage.setItem(reloadedKey, "1");
    else sessionStorage.removeItem(reloadedKey);
    return was !== reloaded;
  } catch {
    return false;
  }
}
