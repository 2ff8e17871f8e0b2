import { type ReactNode, startTransition, useContext, useEffect, useState } from "react";
import { classNames } from "../../../ui/class_names.ts";
import { LongListContext } from "../thread/long_list.ts";

/** Who scrolls past a message in less time does not want its buttons. In milliseconds. */
const settles = 120;

/**
 * The row of what can be done with a message. Its height is there always; it is seen when the message is pointed at or has
 * the focus, always where fingers point, and always when `pinned`. In a long list it is filled when the scrolling has settled.
 */
export function ActionRow({ pinned, children }: { pinned: boolean; children: () => ReactNode }) {
  const later = useContext(LongListContext);
  const [filled, setFilled] = useState(!later);
  useEffect(() => {
    if (filled) return;
    const timer = setTimeout(() => startTransition(() => setFilled(true)), settles);
    return () => clearTimeout(timer);
  }, [filled]);
  return (
    <div
      className={classNames(
        "-ml-1.5 flex min-h-7 flex-wrap items-center gap-0.5 transition-opacity duration-150 ease-calm",
        !pinned &&
          "opacity-0 focus-within:opacity-100 group-focus-within/message:opacity-100 group-hover/message:opacity-100 pointer-coarse:opacity-100",
      )}
    >
      {filled && children()}
    </div>
  );
}
