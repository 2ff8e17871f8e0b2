import { classNames } from "./class_names.ts";

/** A turning thread. With a label it is announced and stands for itself; without one it is an ornament of what it is in. */
export function Spinner({ label, className }: { label?: string; className?: string }) {
  return (
    <span
      role={label === undefined ? undefined : "status"}
      aria-hidden={label === undefined || undefined}
      className="inline-flex"
    >
      <svg
        viewBox="0 0 16 16"
        aria-hidden="true"
        className={classNames("size-4 animate-spin text-current", className)}
      >
        <circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" strokeWidth="1.5" opacity="0.25" />
        <path
          d="M8 1.75A6.25 6.25 0 0 1 14.25 8"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.5"
          strokeLinecap="round"
        />
      </svg>
      {label !== undefined && <span className="sr-only">{label}</span>}
    </span>
  );
}
