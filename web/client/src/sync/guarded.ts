/**
 * Calls what somebody else has written. When it throws that is told, but to nobody in here: a mistake in a callback must
 * neither break the connection nor keep what happened from the others.
 */
export function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else console.error(error);
  }
}
