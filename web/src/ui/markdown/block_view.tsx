import { memo, type ReactNode, useMemo, useRef } from "react";
import type { Block } from "./blocks.ts";
import { CodeBlock } from "./code_block.tsx";
import { completed } from "./completed.ts";
import { Formula, FormulaSource } from "./formula.tsx";
import { nothingShared, parse, relevant, type Shared } from "./parse.ts";
import { render, type Setting } from "./render.tsx";
import { TableView } from "./table_view.tsx";

interface BlockViewProps {
  readonly block: Block;
  readonly shared: Shared;
  readonly idPrefix: string;
  /** It is the last of an answer that is being written. */
  readonly open: boolean;
}

/** Draws a block; again only when its text changed, or what it refers to. */
export const BlockView = memo(function BlockView({ block, shared, idPrefix, open }: BlockViewProps) {
  const known = useRelevant(block.source, shared);
  const { level } = block;
  const goesOn = block.kind === "markdown" && block.goesOn === true;
  const setting = useMemo(() => ({ level, idPrefix, open, goesOn }), [level, idPrefix, open, goesOn]);
  switch (block.kind) {
    case "code":
      return <CodeBlock code={block.text} info={block.info} closed={block.closed || !open} />;
    case "math": {
      const formula = { tex: block.text, source: block.source.trim(), display: true };
      return open && !block.closed ? <FormulaSource {...formula} /> : <Formula {...formula} />;
    }
    case "table":
      return <TableView source={block.source} shared={known} setting={setting} />;
    case "note":
      return (
        <aside
          id={`${idPrefix}note-${block.label}`}
          className="md-note"
          tabIndex={-1}
          aria-label={`Footnote ${block.label}`}
        >
          <sup>{block.label}</sup>
          <Text source={block.text} shared={known} setting={setting} />
        </aside>
      );
    case "markdown":
      return <Text source={block.source} shared={known} setting={setting} />;
  }
});

const Text = memo(function Text(props: { source: string; shared: Shared; setting: Setting }) {
  return <>{draw(props.source, props.shared, props.setting)}</>;
});

function draw(source: string, shared: Shared, setting: Setting): ReactNode {
  const tokens = parse(setting.open ? completed(source) : source, shared);
  if (tokens === undefined) {
    return (
      <p dir="auto" className="md-plain">
        {source}
      </p>
    );
  }
  return render(tokens, setting);
}

/** What the block refers to; the same object as long as it says the same. */
function useRelevant(source: string, shared: Shared): Shared {
  const last = useRef(nothingShared);
  const now = useMemo(() => relevant(source, shared), [source, shared]);
  if (now !== last.current && JSON.stringify(now) !== JSON.stringify(last.current)) last.current = now;
  return last.current;
}
