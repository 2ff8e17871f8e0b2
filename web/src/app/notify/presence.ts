/**
 * Whether any tab of this application is looked at. Each visible tab holds a shared lock, which the browser lets go of when
 * the tab dies, however it dies: nothing has to be counted or cleaned up.
 */
const lockName = "throughline.visible";

/** Says of this tab when it is visible. Returns what ends that. */
export function showPresence(): () => void {
  let release: (() => void) | null = null;
  const follow = () => {
    const visible = document.visibilityState === "visible";
    if (!visible) {
      release?.();
      release = null;
    } else if (release === null) {
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      void navigator.locks?.request(lockName, { mode: "shared" }, () => held);
    }
  };
  follow();
  document.addEventListener("visibilitychange", follow);
  return () => {
    document.removeEventListener("visibilitychange", follow);
    release?.();
    release = null;
  };
}

export async function isLookedAt(): Promise<boolean> {
  if (document.visibilityState === "visible") return true;
  const state = await navigator.locks?.query();
  return state?.held?.some((lock) => lock.name === lockName) ?? false;
}
