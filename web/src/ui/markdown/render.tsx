/** Tokens to React elements. Nothing here makes HTML; what it does not know it shows as text. */
import { createElement, type ReactNode } from "react";
import { ScrollRegion } from "../scroll_region.tsx";
import { showControls } from "./bidi.tsx";
import { CodeBlock } from "./code_block.tsx";
import { Formula, FormulaSource } from "./formula.tsx";
import { Link } from "./links.tsx";
import type { Token } from "./parse.ts";

/** What the tokens of one block are drawn with. */
export interface Setting {
  /** Heading level of the block; a heading that does not begin it is one lower. */
  readonly level: number;
  /** Makes ids of footnotes unique on the page. */
  readonly idPrefix: string;
  /** The end of the block may still grow: its last code block is not closed. */
  readonly open: boolean;
  /** The block begins within a paragraph. */
  readonly goesOn: boolean;
}

interface Frame {
  readonly token: Token | undefined;
  /** It is the first of its block. */
  readonly first: boolean;
  readonly children: ReactNode[];
  /** What the children read, for links. */
  text: string;
  /** Of a list item: it is a task. */
  task: boolean;
}

/** Formulas of one block that are typeset, at about a millisecond each; more are shown as their source. */
const formulasMax = 100;

export function render(tokens: readonly Token[], setting: Setting): ReactNode[] {
  const frames: Frame[] = [{ token: undefined, first: false, children: [], text: "", task: false }];
  let links = 0;
  let formulas = 0;
  const top = () => frames[frames.length - 1] as Frame;
  const put = (node: ReactNode, text = "") => {
    top().children.push(node);
    top().text += text;
  };
  const walk = (list: readonly Token[], path: string) => {
    list.forEach((token, index) => {
      const key = `${path}${index}`;
      if (token.nesting === 1) {
        if (token.type === "link_open") links += 1;
        frames.push({ token, first: key === "0", children: [], text: "", task: false });
      } else if (token.nesting === -1) {
        if (token.type === "link_close") links -= 1;
        const done = frames.length > 1 ? frames.pop() : undefined;
        if (done?.token !== undefined) put(container(done, done.token, key, setting), done.text);
      } else if (token.type === "inline") {
        const task = taskOf(token, top().token, list[index - 2]);
        const item = frames.at(-2);
        if (task !== undefined && item !== undefined) item.task = true;
        if (task !== undefined) put(<TaskMark key={`${key}t`} done={task} />);
        walk(task === undefined ? (token.children ?? []) : withoutMark(token.children ?? []), `${key}.`);
      } else if (token.type === "math") {
        formulas += 1;
        const formula = { tex: token.content, source: token.markup, display: token.info === "display" };
        put(
          formulas > formulasMax ? (
            <FormulaSource key={key} {...formula} />
          ) : (
            <Formula key={key} {...formula} />
          ),
        );
      } else {
        put(leaf(token, key, setting, links > 0, index === list.length - 1), token.content);
      }
    });
  };
  walk(tokens, "");
  return frames[0]?.children ?? [];
}

function leaf(token: Token, key: string, setting: Setting, inLink: boolean, isLast: boolean): ReactNode {
  switch (token.type) {
    case "text":
    case "text_special":
      return inLink ? showControls(token.content) : token.content;
    case "softbreak":
      return "\n";
    case "hardbreak":
      return <br key={key} />;
    case "code_inline":
      return (
        <code key={key} dir="ltr">
          {showControls(token.content)}
        </code>
      );
    case "fence":
    case "code_block":
      return (
        <CodeBlock key={key} code={token.content} info={token.info} closed={!(setting.open && isLast)} />
      );
    case "hr":
      return <hr key={key} />;
    case "image":
      return <Image key={key} token={token} inLink={inLink} />;
    case "note_mark":
      return <NoteMark key={key} label={token.content} idPrefix={setting.idPrefix} />;
    default:
      return token.content;
  }
}

function container(frame: Frame, token: Token, key: string, setting: Setting): ReactNode {
  const { children } = frame;
  switch (token.type) {
    case "paragraph_open":
      return token.hidden ? (
        <span key={key} dir="auto" className="md-tight">
          {children}
        </span>
      ) : (
        <p key={key} dir="auto" className={frame.first && setting.goesOn ? "md-goes-on" : undefined}>
          {children}
        </p>
      );
    case "heading_open": {
      const depth = Number(token.tag.slice(1));
      const level = frame.first ? setting.level : Math.min(setting.level + 1, 6);
      return createElement(
        `h${Math.max(3, level)}`,
        { key, dir: "auto", className: `md-heading md-h${depth}` },
        ...children,
      );
    }
    case "bullet_list_open":
      return (
        <ul key={key} dir="auto">
          {children}
        </ul>
      );
    case "ordered_list_open": {
      const start = token.attrGet("start");
      return (
        <ol key={key} dir="auto" start={start === null ? 1 : Number(start)}>
          {children}
        </ol>
      );
    }
    case "list_item_open":
      return (
        <li key={key} dir="auto" className={frame.task ? "md-task-item" : undefined}>
          {children}
        </li>
      );
    case "blockquote_open":
      return (
        <blockquote key={key} dir="auto">
          {children}
        </blockquote>
      );
    case "strong_open":
      return <strong key={key}>{children}</strong>;
    case "em_open":
      return <em key={key}>{children}</em>;
    case "s_open":
      return <del key={key}>{children}</del>;
    case "link_open":
      return (
        <Link
          key={key}
          address={String(token.attrGet("href") ?? "")}
          title={String(token.attrGet("title") ?? "")}
          text={frame.text}
        >
          {children}
        </Link>
      );
    case "table_open":
      return (
        <ScrollRegion key={key} className="md-table" label={{ text: "Table" }}>
          <table>{children}</table>
        </ScrollRegion>
      );
    case "thead_open":
      return <thead key={key}>{children}</thead>;
    case "tbody_open":
      return <tbody key={key}>{children}</tbody>;
    case "tr_open":
      return <tr key={key}>{children}</tr>;
    case "th_open":
      return (
        <th key={key} scope="col" dir="auto" className={alignment(token)}>
          {children}
        </th>
      );
    case "td_open":
      return (
        <td key={key} dir="auto" className={alignment(token)}>
          {children}
        </td>
      );
    default:
      return <span key={key}>{children}</span>;
  }
}

function alignment(token: Token): string | undefined {
  const align = /text-align:(left|center|right)/.exec(String(token.attrGet("style") ?? ""))?.[1];
  return align === undefined ? undefined : `md-${align}`;
}

/** An image is never loaded: that would tell a stranger who reads this answer, and when. */
function Image({ token, inLink }: { token: Token; inLink: boolean }) {
  const address = String(token.attrGet("src") ?? "");
  const alt = token.content.trim();
  const shown = alt === "" ? "Image" : `Image: ${alt}`;
  if (inLink) return showControls(shown);
  return (
    <Link address={address} title={String(token.attrGet("title") ?? "")} text={shown}>
      {showControls(shown)}
    </Link>
  );
}

function NoteMark({ label, idPrefix }: { label: string; idPrefix: string }) {
  const id = `${idPrefix}note-${label}`;
  return (
    <sup>
      <button
        type="button"
        aria-label={`Footnote ${label}`}
        className="md-note-mark"
        onClick={() => {
          const note = document.getElementById(id);
          note?.focus({ preventScroll: true });
          note?.scrollIntoView({ block: "nearest" });
        }}
      >
        {label}
      </button>
    </sup>
  );
}

const taskMark = /^\[([ xX])\](?=\s|$)/;

/** Whether the paragraph is the first of a list item and begins with `[ ]` or `[x]`. */
function taskOf(inline: Token, paragraph: Token | undefined, before: Token | undefined): boolean | undefined {
  if (paragraph?.type !== "paragraph_open" || before?.type !== "list_item_open") return undefined;
  if (inline.children?.[0]?.type !== "text") return undefined;
  const mark = taskMark.exec(inline.children[0].content)?.[1];
  return mark === undefined ? undefined : mark !== " ";
}

function withoutMark(tokens: readonly Token[]): Token[] {
  const [first, ...rest] = tokens;
  if (first === undefined) return [];
  return [
    Object.assign(Object.create(first) as Token, { content: first.content.replace(taskMark, "") }),
    ...rest,
  ];
}

function TaskMark({ done }: { done: boolean }) {
  return <span className="md-task" data-done={done} role="img" aria-label={done ? "Done:" : "To do:"} />;
}
