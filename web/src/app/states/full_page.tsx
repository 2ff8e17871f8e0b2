import type { ReactNode } from "react";
import { Mark } from "../layout/mark.tsx";

/** A page that is only a few words: what is, whether anything is lost, what to do. */
export function FullPage({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="flex min-h-full flex-col items-center justify-center gap-3 p-6 pb-safe text-center">
      <Mark className="mb-2 size-10" />
      <h1 className="text-balance font-semibold text-xl">{title}</h1>
      <div className="flex max-w-dialog flex-col items-center gap-4 text-soft">{children}</div>
    </div>
  );
}
