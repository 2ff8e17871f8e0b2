/** For how many frames it is looked for: what is taken away is drawn so a frame or two later, and a menu closes first. */
const looks = 10;

/** Calls `run` once when the focus is lost: what had it is gone or covered, and nothing else has taken it. */
export function whenFocusIsLost(run: () => void, left = looks): void {
  requestAnimationFrame(() => {
    if (isLost(document.activeElement)) run();
    else if (left > 1) whenFocusIsLost(run, left - 1);
  });
}

function isLost(focused: Element | null): boolean {
  return focused === null || focused === document.body || focused.closest("[inert]") !== null;
}
