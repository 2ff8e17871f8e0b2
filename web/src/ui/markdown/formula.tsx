/** A formula: KaTeX comes with the first one that is drawn; until then, and when it or the formula fails, the source is shown. */
import { lazy, Suspense } from "react";

const Typeset = lazy(() => import("./math.tsx").catch(() => ({ default: FormulaSource })));

export interface FormulaProps {
  readonly tex: string;
  /** As it is written in the answer, with its delimiters. */
  readonly source: string;
  readonly display: boolean;
}

export function Formula(props: FormulaProps) {
  return (
    <Suspense fallback={<FormulaSource {...props} />}>
      <Typeset {...props} />
    </Suspense>
  );
}

export function FormulaSource({ source, display }: FormulaProps) {
  return (
    <code dir="ltr" className={display ? "md-tex md-tex-display" : "md-tex"}>
      {source}
    </code>
  );
}
