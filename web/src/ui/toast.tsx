import { X } from "lucide-react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { classNames } from "./class_names.ts";
import { IconButton } from "./icon_button.tsx";
import { closeToast, type Toast, toastList } from "./toast_store.ts";

/** Draws the notices of the whole page. Once, at its root. Above, since below is where people write. */
export function Toaster() {
  const toasts = useSyncExternalStore(toastList.subscribe, toastList.get);
  return (
    <section
      aria-label="Notices"
      className="pointer-events-none fixed inset-x-0 top-12 z-50 flex max-h-1/2 flex-col-reverse items-center gap-2 overflow-y-auto p-3 pt-safe pb-8"
    >
      {/* From the end, where the newest is: what does not fit is scrolled to. */}
      <div role="status" className="contents">
        {toasts.toReversed().map((toast) => (
          <ToastCard key={toast.id} toast={toast} />
        ))}
      </div>
    </section>
  );
}

/** Its time stands still while it is looked at: hovered, or the focus in it. */
function ToastCard({ toast }: { toast: Toast }) {
  const [held, setHeld] = useState(false);
  const left = useRef(toast.duration);
  useEffect(() => {
    if (held || left.current === null) return;
    const from = performance.now();
    const timer = setTimeout(() => closeToast(toast.id), left.current);
    return () => {
      clearTimeout(timer);
      left.current = Math.max(1_000, (left.current ?? 0) - (performance.now() - from));
    };
  }, [held, toast.id]);
  const { action } = toast;
  return (
    <article
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
      className={classNames(
        "pointer-events-auto flex max-w-full items-center gap-2 rounded-md border bg-surface py-1.5 pr-1.5 pl-4 text-sm shadow-float",
        toast.tone === "problem" ? "border-danger text-danger" : "border-line text-ink",
      )}
    >
      <span className="min-w-0 break-words">{toast.text}</span>
      {action !== undefined && (
        <button
          type="button"
          className="min-h-7 shrink-0 cursor-pointer rounded-sm px-2 font-medium text-thread hover:bg-hover"
          onClick={() => {
            closeToast(toast.id);
            action.run();
          }}
        >
          {action.text}
        </button>
      )}
      <IconButton label="Dismiss" size="sm" onClick={() => closeToast(toast.id)}>
        <X className="size-3.5" aria-hidden="true" />
      </IconButton>
    </article>
  );
}
