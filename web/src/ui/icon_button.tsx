import type { ComponentProps } from "react";
import { classNames } from "./class_names.ts";
import { tooltipOf } from "./tooltip.tsx";

export interface IconButtonProps extends Omit<ComponentProps<"button">, "aria-label"> {
  /** Its name: for screen readers, and as a tooltip. */
  label: string;
  /** A shortcut like `Mod+K` that does the same, shown in the tooltip. */
  keys?: string | undefined;
  /** `sm` is 28 px, `md` 36 px: both are targets that a finger can hit (24 px at least). */
  size?: "sm" | "md" | undefined;
  variant?: "quiet" | "primary" | undefined;
}

const variants = {
  quiet: "text-soft hover:bg-hover hover:text-ink data-[popup-open]:bg-hover data-[popup-open]:text-ink",
  primary: "bg-thread text-on-thread hover:bg-thread-deep",
} as const;

/** A button that is only a picture: its child is the icon, 16 px to 18 px. May be the trigger of a menu or a dialog. */
export function IconButton({
  label,
  keys,
  size = "md",
  variant = "quiet",
  className,
  children,
  ...rest
}: IconButtonProps) {
  return (
    <button
      type="button"
      {...tooltipOf(label, keys)}
      {...rest}
      aria-label={label}
      className={classNames(
        "inline-flex shrink-0 cursor-pointer select-none items-center justify-center rounded-md",
        "transition-colors duration-150 ease-calm disabled:cursor-default disabled:opacity-50",
        size === "sm" ? "size-7" : "size-9",
        variants[variant],
        className,
      )}
    >
      {children}
    </button>
  );
}
