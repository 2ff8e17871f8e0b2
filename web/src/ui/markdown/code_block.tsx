/** A block of code: what language it says it is, a button that copies it, and the code, which scrolls by itself. */
import type { RootContent } from "hast";
import { memo, type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { copyText } from "../copy_text.ts";
import { ScrollRegion } from "../scroll_region.tsx";
import { hasControls, showControls } from "./bidi.tsx";
import { languageLabel } from "./languages.ts";
import { type Slice, Slices } from "./slices.ts";
import { useHighlight } from "./use_highlight.ts";

interface CodeBlockProps {
  readonly code: string;
  /** What stands behind the fence. */
  readonly info: string;
  /** No more code is coming. */
  readonly closed: boolean;
}

export const CodeBlock = memo(function CodeBlock({ code, info, closed }: CodeBlockProps) {
  const label = languageLabel(info);
  const id = useId();
  return (
    <figure className="md-code" dir="ltr">
      <figcaption className="md-code-head">
        <span id={id}>{showControls(label === "" ? "Code" : label)}</span>
        <CopyButton text={code} />
      </figcaption>
      <ScrollRegion className="md-code-body" label={{ id }}>
        <pre>
          <code>
            <Code code={code} info={info} closed={closed} />
          </code>
        </pre>
      </ScrollRegion>
    </figure>
  );
});

function Code({ code, info, closed }: CodeBlockProps) {
  const highlighted = useHighlight(code, info, closed);
  const colored = useMemo(() => highlighted && elements(highlighted.tree.children, ""), [highlighted]);
  if (highlighted === undefined) return <PlainCode code={code} />;
  const rest = code.slice(highlighted.text.length);
  return (
    <>
      {colored}
      {showControls(rest)}
    </>
  );
}

/** Long code is drawn in slices, of which the browser lays out only those in view and React touches only the last. */
function PlainCode({ code }: { code: string }) {
  const [slices] = useState(() => new Slices(linesOfSlice));
  const { closed, last } = slices.update(code);
  if (closed.length === 0) return <>{showControls(last.text)}</>;
  return (
    <>
      <ClosedSlices slices={closed} count={closed.length} />
      <SliceView text={last.text} />
    </>
  );
}

const linesOfSlice = 100;
const groupSize = 32;

/** `count` is what tells two states of the same growing array apart. */
const ClosedSlices = memo(function ClosedSlices({
  slices,
  count,
}: {
  slices: readonly Slice[];
  count: number;
}) {
  const groups: ReactNode[] = [];
  for (let from = 0; from < count; from += groupSize) {
    const to = Math.min(from + groupSize, count);
    groups.push(<SliceGroup key={from} slices={slices} from={from} to={to} />);
  }
  return <>{groups}</>;
});

const SliceGroup = memo(function SliceGroup(props: { slices: readonly Slice[]; from: number; to: number }) {
  return props.slices.slice(props.from, props.to).map(({ at, text }) => <SliceView key={at} text={text} />);
});

const SliceView = memo(function SliceView({ text }: { text: string }) {
  const lines = useMemo(() => text.split("\n").length - (text.endsWith("\n") ? 1 : 0), [text]);
  return (
    <span className="md-slice" style={{ containIntrinsicHeight: `${lines}lh` }}>
      {showControls(text)}
    </span>
  );
});

function elements(nodes: readonly RootContent[], path: string): ReactNode[] {
  return nodes.map((node, index) => {
    if (node.type === "text") return hasControls(node.value) ? showControls(node.value) : node.value;
    if (node.type !== "element") return null;
    const names = node.properties["className"];
    const key = `${path}${index}`;
    return (
      <span key={key} className={Array.isArray(names) ? names.join(" ") : undefined}>
        {elements(node.children, `${key}.`)}
      </span>
    );
  });
}

/** How long "Copied" stands, in milliseconds. */
const copiedFor = 2_000;

function CopyButton({ text }: { text: string }) {
  const [state, setState] = useState<"ready" | "copied" | "failed">("ready");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    clearTimeout(timer.current);
    setState((await copyText(text)) ? "copied" : "failed");
    timer.current = setTimeout(() => setState("ready"), copiedFor);
  };
  const said = { ready: "", copied: "Copied", failed: "The browser did not allow copying" }[state];
  return (
    <>
      <span role="status" className="md-said">
        {said}
      </span>
      <button type="button" className="md-copy" onClick={copy} aria-label="Copy code">
        Copy
      </button>
    </>
  );
}
