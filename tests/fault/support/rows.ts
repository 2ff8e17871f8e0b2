// A row of the fault matrix: what is repeated how often, with which randomness, and the line it leaves in the table that
// `./dev test fault` prints at the end.
//
//   FAULT_LONG=1        the long form; without it the quick one that is a part of ./dev test
//   FAULT_REPEAT=N      N repetitions of every row instead of its own number
//   FAULT_SEED=N        the seed; the same seed asks for the same moments
import { appendFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isMany } from "../../system/support/engine.ts";
import { slowness } from "../../system/support/process.ts";
import type { Violation } from "./checker.ts";

export const isLong = process.env["FAULT_LONG"] === "1";
export const seed = Number(process.env["FAULT_SEED"] ?? 1);

/** Repeats itself for the same seed and name. */
export class Chance {
  private state: number;
  constructor(name: string) {
    this.state = seed >>> 0;
    for (const char of name) this.state = Math.imul(this.state ^ char.codePointAt(0)!, 0x01000193) >>> 0;
  }
  /** 0 <= x < 1 (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  }
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }
  of<T>(all: readonly T[]): T {
    return all[this.between(0, all.length - 1)]!;
  }
}

/** What a row has done; it becomes a line of the table. */
export class Tally {
  repetitions = 0;
  faults = 0;
  answers = 0;
  /** What asks for the same again. */
  again = "";
  /** Things worth a word, like "ready after 85 ms at most". */
  remarks: string[] = [];
  readonly violations: string[] = [];

  blame(found: Violation[], when: string): void {
    for (const one of found) {
      this.violations.push(`${one.invariant} ${when}: ${one.what}${one.task === undefined ? "" : ` (task ${one.task})`}`);
    }
  }
}

export interface RowLine {
  row: string;
  name: string;
  repetitions: number;
  faults: number;
  answers: number;
  violations: number;
  remarks: string[];
  seconds: number;
}

interface Times {
  quick: number;
  long: number;
  /** Of all repetitions, in ms. */
  timeout?: number;
}

/**
 * Declares the row as a test. `body` is called once, with how often to repeat; what it counts goes into the table, and any
 * violation fails the test. `skip`: why it cannot run here.
 */
export function row(
  id: string, name: string, times: Times, body: (repeat: number, chance: Chance, tally: Tally) => Promise<void>, skip?: string,
): void {
  const title = isMany ? `across processes: ${name}` : name;
  const repeat = Number(process.env["FAULT_REPEAT"] ?? (isLong ? times.long : times.quick));
  describe(id, () => {
    test(title, { timeout: (times.timeout ?? (isLong ? 3_600_000 : 120_000)) * slowness }, async (context) => {
      if (skip !== undefined) {
        report({ row: id, name: title, repetitions: 0, faults: 0, answers: 0, violations: 0, remarks: [`not run: ${skip}`], seconds: 0 });
        context.skip(skip);
      }
      const tally = new Tally();
      tally.again = `FAULT_SEED=${seed} ./dev test fault ${id}`;
      const began = performance.now();
      let failed = 1;
      try {
        await body(repeat, new Chance(`${id} ${name}`), tally);
        failed = 0;
      } finally {
        report({
          row: id, name: title, repetitions: tally.repetitions, faults: tally.faults, answers: tally.answers,
          violations: tally.violations.length + failed, remarks: tally.remarks, seconds: (performance.now() - began) / 1000,
        });
      }
      expect(tally.violations.slice(0, 20), `again: ${tally.again}`).toEqual([]);
    });
  });
}

function report(line: RowLine): void {
  const file = process.env["FAULT_REPORT"];
  if (file) appendFileSync(file, `${JSON.stringify(line)}\n`);
}
