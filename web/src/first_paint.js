// Before the first paint: the chosen theme, so that the page never flashes in the other one. Without a choice the
// system's theme holds, by `color-scheme` in tokens.css.
try {
  const theme = localStorage.getItem("throughline.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage there is no choice to keep.
}
