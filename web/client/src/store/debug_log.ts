/** `localStorage.debug = 'throughline'` tells what happens, for those who look into a page that runs. */
let isOn: boolean | null = null;

export function debugLog(what: string, ...details: readonly unknown[]): void {
  isOn ??= wanted();
  if (isOn) console.debug(`throughline: ${what}`, ...details);
}

function wanted(): boolean {
  try {
    return (
      typeof localStorage !== "undefined" && (localStorage.getItem("debug") ?? "").includes("throughline")
    );
  } catch {
    return false;
  }
}
