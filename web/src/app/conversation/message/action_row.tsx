import type { ReactNode } from "react";
import { classNames } from "../../../ui/class_names.ts";

/**
 * The row of what can be done with a message. Its height is there always; it is seen when the message is pointed at or has
 * the focus, always where fingers point, and always when `pinned`.
 */
export function ActionRow({ pinned, children }: { pinned: boolean; children: ReactNode }) {
  return (
    <div
      className={classNames(
        "-ml-1.5 flex min-h-7 flex-wrap items-center gap-0.5 transition-opacity duration-150 ease-calm",
        !pinned &&
          "opacity-0 focus-within:opacity-100 group-focus-within/message:opacity-100 group-hover/message:opacity-100 pointer-coarse:opacity-100",
      )}
    >
      {children}
    </div>
  );
}
