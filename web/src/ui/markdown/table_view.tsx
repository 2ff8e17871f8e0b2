/** A table, drawn in pages of rows: one that grows costs the page that grows, not all of its rows. */
import { memo, useMemo, useState } from "react";
import { ScrollRegion } from "../scroll_region.tsx";
import { parse, type Shared, type Token } from "./parse.ts";
import { render, type Setting } from "./render.tsx";
import { Slices } from "./slices.ts";

/** Cells of a row, rows of a table: what is beyond is shown as text. A screen full of boxes helps nobody. */
const cellsMax = 100;
const rowsMax = 5_000;
const rowsOfPage = 20;

interface TableProps {
  readonly source: string;
  readonly shared: Shared;
  readonly setting: Setting;
}

export function TableView({ source, shared, setting }: TableProps) {
  const text = source.trimStart();
  const headEnd = text.indexOf("\n", text.indexOf("\n") + 1) + 1;
  const head = headEnd === 0 ? `${text}\n` : text.slice(0, headEnd);
  const columns = head.slice(0, head.indexOf("\n")).split("|").length;
  const [rows] = useState(() => new Slices(rowsOfPage));
  const { closed, last } = rows.update(headEnd === 0 ? "" : text.slice(headEnd));
  const inner = useMemo(
    () => render(part(head, "", "thead", shared) ?? [], setting),
    [head, shared, setting],
  );
  if (columns > cellsMax || closed.length * rowsOfPage > rowsMax) {
    return (
      <p dir="auto" className="md-plain">
        {source}
      </p>
    );
  }
  return (
    <ScrollRegion className="md-table" label={{ text: "Table" }}>
      <table>
        {inner}
        {closed.map((page) => (
          <Rows key={page.at} head={head} rows={page.text} shared={shared} setting={setting} />
        ))}
        <Rows head={head} rows={last.text} shared={shared} setting={setting} />
      </table>
    </ScrollRegion>
  );
}

interface RowsProps extends Omit<TableProps, "source"> {
  readonly head: string;
  readonly rows: string;
}

const Rows = memo(function Rows({ head, rows, shared, setting }: RowsProps) {
  if (rows === "") return null;
  const tokens = part(head, rows, "tbody", shared);
  if (tokens !== undefined) return <>{render(tokens, setting)}</>;
  return (
    <tbody>
      <tr>
        <td colSpan={cellsMax} className="md-plain">
          {rows}
        </td>
      </tr>
    </tbody>
  );
});

/** The tokens of the head or the body of the table; undefined when they can only be text. */
function part(head: string, rows: string, tag: "thead" | "tbody", shared: Shared): Token[] | undefined {
  const tokens = parse(head + rows, shared);
  if (tokens === undefined) return undefined;
  const from = tokens.findIndex((token) => token.type === `${tag}_open`);
  const to = tokens.findIndex((token) => token.type === `${tag}_close`);
  return from < 0 ? [] : tokens.slice(from, to + 1);
}
