import { type ReactNode, useEffect, useRef } from "react";
import { Mark } from "../layout/mark.tsx";

/** A page that is only a few words: what is, whether anything is lost, what to do. */
export function FullPage({
  title,
  takesFocus = false,
  children,
}: {
  title: string;
  /** It came instead of everything, what had the focus included: the title has it now, and is read out. */
  takesFocus?: boolean;
  children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (takesFocus) heading.current?.focus();
  }, [takesFocus]);
  return (
    <div className="flex min-h-full flex-col items-center justify-center gap-3 p-6 pb-safe text-center">
      <Mark className="mb-2 size-10" />
      <h1 ref={heading} tabIndex={-1} className="text-balance font-semibold text-xl outline-none">
        {title}
      </h1>
      <div className="flex max-w-dialog flex-col items-center gap-4 text-soft">{children}</div>
    </div>
  );
}
