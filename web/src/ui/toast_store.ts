/** Notices at the head of the page: a list outside React, so that anything may say something. */
export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: "plain" | "problem";
  /** One thing that can be done about it; doing it closes the notice. */
  readonly action?:
    | {
        readonly text: string;
        readonly run: () => void;
        /** It takes back what the notice tells of: the shortcut for undoing does it too. */
        readonly undoes?: boolean;
      }
    | undefined;
  /** How long it stays, in milliseconds; `null` until somebody closes it. */
  readonly duration: number | null;
}

const shownMax = 3;
let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]) {
  toasts = next;
  for (const listener of [...listeners]) listener();
}

/**
 * Shows a notice (6 s unless said) and returns its id. More than three at once: the oldest goes, but none that can take
 * something back: that is promised for as long as the notice says.
 */
export function showToast(toast: {
  text: string;
  tone?: Toast["tone"];
  action?: Toast["action"];
  duration?: number | null;
}): number {
  lastId += 1;
  const duration = toast.duration === undefined ? 6_000 : toast.duration;
  const shown: Toast = { tone: "plain", ...toast, id: lastId, duration };
  const next = [...toasts, shown];
  const others = next.filter((each) => each.action?.undoes !== true);
  const gone = new Set(others.slice(0, -shownMax));
  set(next.filter((each) => !gone.has(each)));
  return shown.id;
}

/** Takes a notice away; harmless when it is gone. */
export function closeToast(id: number): void {
  if (toasts.some((toast) => toast.id === id)) set(toasts.filter((toast) => toast.id !== id));
}

/** Takes back what the newest notice that offers to tells of, and closes it. False when there is none. */
export function undoNewest(): boolean {
  const newest = toasts.findLast((toast) => toast.action?.undoes === true);
  if (newest?.action === undefined) return false;
  closeToast(newest.id);
  newest.action.run();
  return true;
}

export const toastList = {
  get: () => toasts,
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  },
};
