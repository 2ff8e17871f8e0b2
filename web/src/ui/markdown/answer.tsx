/**
 * An answer, block by block. What it costs to draw one more piece of text does not grow with the answer: only the open block
 * is parsed again, blocks that are closed are drawn once, and pages of them are compared by identity.
 */
import "./markdown.css";
import { memo, startTransition, useEffect, useId, useState } from "react";
import { BlockView } from "./block_view.tsx";
import { type Block, Blocks } from "./blocks.ts";
import type { MarkdownProps } from "./index.tsx";
import { learn, nothingShared, type Shared } from "./parse.ts";

const pageSize = 16;
/** Pages that a long answer draws at once when it is opened, at its end; the others follow when there is time. */
const pagesAtOnce = 2;

interface Page {
  readonly at: number;
  readonly blocks: readonly Block[];
}

/** The answer as it is drawn: pages that are full never change. */
class Pages {
  readonly #blocks = new Blocks();
  #first: Block | undefined;
  #taken = 0;
  #ahead = { base: nothingShared, source: "", shared: nothingShared };
  full: readonly Page[] = [];
  shared: Shared = nothingShared;

  /** Takes the text as it is now; returns the blocks behind the full pages, the first `settled` of which are closed. */
  update(text: string): { readonly rest: readonly Block[]; readonly settled: number } {
    const open = this.#blocks.update(text);
    const closed = this.#blocks.closed;
    if (closed.length < this.#taken || closed[0] !== this.#first) {
      this.#taken = 0;
      this.full = [];
      this.shared = nothingShared;
    }
    this.#first = closed[0];
    for (; this.#taken < closed.length; this.#taken += 1) this.#learn(closed[this.#taken]);
    const fresh: Page[] = [];
    for (let from = this.full.length * pageSize; from + pageSize <= closed.length; from += pageSize) {
      fresh.push({ at: from, blocks: closed.slice(from, from + pageSize) });
    }
    if (fresh.length > 0) this.full = [...this.full, ...fresh];
    const settled = closed.slice(this.full.length * pageSize);
    return { rest: [...settled, ...open], settled: settled.length };
  }

  #learn(block: Block | undefined): void {
    if (block !== undefined) this.shared = learnBlock(block, this.shared);
  }

  /** What is known together with `blocks`, which may still change; the same object for the same blocks. */
  sharedWith(blocks: readonly Block[]): Shared {
    const last = this.#ahead;
    const source = blocks.map((block) => block.source).join("");
    if (last.base === this.shared && last.source === source) return last.shared;
    const shared = blocks.reduce((known, block) => learnBlock(block, known), this.shared);
    this.#ahead = { base: this.shared, source, shared };
    return shared;
  }
}

function learnBlock(block: Block, shared: Shared): Shared {
  if (block.kind === "markdown") return learn(block.source, shared);
  if (block.kind !== "note" || shared.notes.includes(block.label)) return shared;
  return { ...shared, notes: [...shared.notes, block.label] };
}

export default function Answer({ text, streaming }: MarkdownProps) {
  const [pages] = useState(() => new Pages());
  const { rest, settled } = pages.update(text);
  // The last block of a growing answer may still become something else.
  const shared = pages.sharedWith(rest.slice(settled, streaming ? -1 : undefined));
  const drawnFrom = useDrawnFrom(pages.full.length);
  const idPrefix = useId();
  const count = pages.full.length;
  const end = pagesOf(rest, count * pageSize);
  const open = streaming && rest.length > settled ? count + end.length - 1 : -1;
  return (
    <div className="md">
      {[...pages.full, ...end].map((page, index) => (
        <PageView
          key={page.at}
          page={page}
          shared={shared}
          idPrefix={idPrefix}
          drawn={index >= drawnFrom}
          growing={index >= count}
          open={index === open}
        />
      ))}
    </div>
  );
}

/**
 * The blocks at the end, in pages as they will be once they are full: a page that becomes full is the one that was drawn, and
 * nothing of it is made anew.
 */
function pagesOf(blocks: readonly Block[], at: number): readonly Page[] {
  const pages: Page[] = [];
  for (let from = 0; from < blocks.length; from += pageSize) {
    pages.push({ at: at + from, blocks: blocks.slice(from, from + pageSize) });
  }
  return pages;
}

/** The first page that is drawn: near the end at first, then one more at a time, without holding anything up. */
function useDrawnFrom(count: number): number {
  const [from, setFrom] = useState(() => Math.max(0, count - pagesAtOnce));
  useEffect(() => {
    if (from === 0) return;
    const timer = setTimeout(() => startTransition(() => setFrom(from - 1)), 0);
    return () => clearTimeout(timer);
  }, [from]);
  return from;
}

const PageView = memo(function PageView(props: {
  page: Page;
  shared: Shared;
  idPrefix: string;
  drawn: boolean;
  /** Not full yet, or its last blocks may still change. */
  growing: boolean;
  /** Its last block is the one that is being written. */
  open: boolean;
}) {
  const { page, shared, idPrefix, drawn, growing, open } = props;
  const settled = useSettled(drawn && !growing);
  if (!drawn) return <div className="md-undrawn">{page.blocks.map((block) => block.source).join("")}</div>;
  return (
    <div className={settled ? "md-page md-page-settled" : "md-page"}>
      {page.blocks.map((block, index) => (
        <BlockView
          key={block.at}
          block={block}
          shared={shared}
          idPrefix={idPrefix}
          open={open && index === page.blocks.length - 1}
        />
      ))}
    </div>
  );
});

/** Whether what is done has been laid out, so that the browser knows its height from now on. */
function useSettled(done: boolean): boolean {
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    if (!done) {
      setSettled(false);
      return;
    }
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => setSettled(true));
    });
    return () => cancelAnimationFrame(frame);
  }, [done]);
  return settled;
}
