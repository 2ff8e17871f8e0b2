// Prints, when all rows have run, what was run and what was found.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { RowLine } from "./rows.ts";

export function setup(): void {
  console.log(`seed ${process.env["FAULT_SEED"]} (FAULT_SEED=${process.env["FAULT_SEED"]} asks for the same moments again)`);
}

export function teardown(): void {
  const file = process.env["FAULT_REPORT"]!;
  if (!existsSync(file)) return;
  const lines = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line) as RowLine);
  rmSync(dirname(file), { recursive: true, force: true });
  lines.sort((a, b) => a.row.localeCompare(b.row, "en", { numeric: true }) || a.name.localeCompare(b.name));
  const cells = lines.map((line) => [
    line.row, line.name, String(line.repetitions), String(line.faults), String(line.answers), String(line.violations),
    `${line.seconds.toFixed(0)} s`,
  ]);
  const head = ["row", "what", "repetitions", "faults", "answers", "violations", "took"];
  const widths = head.map((name, n) => Math.max(name.length, ...cells.map((row) => row[n]!.length)));
  const show = (row: string[]) => row.map((cell, n) => (n < 2 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!))).join("  ");
  console.log(`\n${show(head)}`);
  for (const [n, row] of cells.entries()) {
    console.log(show(row));
    for (const remark of lines[n]!.remarks) console.log(`${" ".repeat(widths[0]! + 2)}${remark}`);
  }
  console.log(`seed ${process.env["FAULT_SEED"]}`);
}
