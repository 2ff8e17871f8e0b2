// A release has no fault points: it refuses the variable that arms them, and not even their names are in it.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { startEngine } from "../system/support/engine.ts";
import { cleanEnvironment } from "../system/support/process.ts";
import { binary, faultBinary } from "./support/stage.ts";

const header = readFileSync("../../src/base/fault_point.hpp", "utf8");
const names = [...header.slice(header.indexOf("fault_point_names{")).matchAll(/^ {4}"([a-z._]+)",/gm)].map((match) => match[1]!);

function config(program: string, variable: string, value: string) {
  return spawnSync(program, ["config"], { env: cleanEnvironment({ [variable]: value }), encoding: "utf8" });
}

// Where the program under test is a test build itself (a sanitized one) there is no release to look at.
describe.skipIf(binary === faultBinary)("a release", () => {
  test.each(["THROUGHLINE_FAULT", "THROUGHLINE_FAULT_SCHEMA"])("refuses %s", (variable) => {
    const refused = config(binary, variable, "finish.before_commit");
    expect(refused.stderr).toContain(`unknown variable ${variable} in the environment`);
    expect(refused.status).toBe(2);
  });

  test("does not contain them", () => {
    expect(names.length).toBeGreaterThan(6);
    const inRelease = readFileSync(binary);
    expect(names.filter((name) => inRelease.includes(name))).toEqual([]);
    expect(inRelease.includes("next_version")).toBe(false);
    expect(inRelease.includes("fault point")).toBe(false);
  });
});

describe("a test build", () => {
  test("contains them all", () => {
    const inTestBuild = readFileSync(faultBinary);
    expect(names.filter((name) => !inTestBuild.includes(name))).toEqual([]);
    expect(config(faultBinary, "THROUGHLINE_FAULT", "finish.before_commit").stderr).toBe("");
  });

  test("refuses a point that does not exist", async () => {
    const mistaken = startEngine({ binary: faultBinary, env: { THROUGHLINE_FAULT: "finish.befor_commit" } });
    await expect(mistaken).rejects.toThrow(/there is no fault point 'finish.befor_commit'/);
  });
});
