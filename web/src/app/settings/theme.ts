export type Theme = "system" | "light" | "dark";

/** The same key as in src/first_paint.js, which applies the choice before the first paint. */
const key = "throughline.theme";

export function readTheme(): Theme {
  try {
    const stored = localStorage.getItem(key);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}

/** Applies a choice to this page, now and at its next start. Without storage it holds until then. */
export function chooseTheme(theme: Theme): void {
  try {
    if (theme === "system") localStorage.removeItem(key);
    else localStorage.setItem(key, theme);
  } catch {
    // Nothing can be kept; what follows still works.
  }
  showTheme(theme);
}

function showTheme(theme: Theme): void {
  const { dataset } = document.documentElement;
  if (theme === "system") delete dataset["theme"];
  else dataset["theme"] = theme;
  paintBrowser();
}

/** Gives the browser's own edges (the bar of a phone, the frame of an installed app) the colour of the page. */
export function paintBrowser(): void {
  const colour = getComputedStyle(document.documentElement).backgroundColor;
  for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
    meta.media = "";
    meta.content = colour;
  }
}

/** Follows the system, and the choice made in another tab. Returns what ends that. */
export function followTheme(): () => void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const onStorage = (event: StorageEvent) => {
    if (event.key === key) showTheme(readTheme());
  };
  paintBrowser();
  dark.addEventListener("change", paintBrowser);
  addEventListener("storage", onStorage);
  return () => {
    dark.removeEventListener("change", paintBrowser);
    removeEventListener("storage", onStorage);
  };
}
