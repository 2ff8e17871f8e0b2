import type { ComponentProps } from "react";
import { classNames } from "./class_names.ts";
import { Spinner } from "./spinner.tsx";

export type ButtonVariant = "primary" | "outline" | "quiet" | "danger";

export interface ButtonProps extends ComponentProps<"button"> {
  /** `primary`: the one thing to do here. `outline`: another choice. `quiet`: of a row of many. `danger`: cannot be undone. */
  variant?: ButtonVariant | undefined;
  size?: "sm" | "md" | undefined;
  /** Something is on its way: the button says so and takes no presses, and keeps the focus. */
  busy?: boolean | undefined;
}

const variants: Record<ButtonVariant, string> = {
  primary: "bg-thread text-on-thread hover:bg-thread-deep",
  outline: "border border-edge bg-surface text-ink hover:bg-hover",
  quiet: "text-soft hover:bg-hover hover:text-ink",
  danger: "border border-danger bg-surface text-danger hover:bg-danger-wash",
};
const sizes = { sm: "min-h-7 px-2.5 text-sm", md: "min-h-9 px-3.5 text-base" } as const;

/** How a button looks, for a link that leads where a button would. */
export function buttonLook(variant: ButtonVariant = "outline", size: "sm" | "md" = "md"): string {
  return classNames(
    "inline-flex shrink-0 cursor-pointer select-none items-center justify-center gap-2 rounded-md font-medium",
    "transition-colors duration-150 ease-calm disabled:cursor-default disabled:opacity-50 aria-disabled:cursor-progress",
    variants[variant],
    sizes[size],
  );
}

/** A button with words on it. Everything else of a `<button>` is passed on; its type is `button` unless said. */
export function Button({
  variant = "outline",
  size = "md",
  busy = false,
  className,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      className={classNames(buttonLook(variant, size), className)}
    >
      {busy && <Spinner />}
      {children}
    </button>
  );
}
