import { afterEach, expect, test, vi } from "vitest";
import { browserStoreEnvironment } from "./environment.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a frame is used at once, and the one after it is left free", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  vi.stubGlobal("document", { visibilityState: "visible", addEventListener() {} });
  vi.stubGlobal("requestAnimationFrame", (run: () => void) => setTimeout(run, 16));
  vi.stubGlobal("cancelAnimationFrame", clearTimeout);
  const { requestFrame } = browserStoreEnvironment();
  const runs: number[] = [];
  const again = () => {
    runs.push(performance.now());
    if (runs.length < 4) requestFrame(again);
  };
  requestFrame(again);
  vi.advanceTimersByTime(16);
  expect(runs).toHaveLength(1);
  vi.advanceTimersByTime(16);
  expect(runs).toHaveLength(1);
  vi.advanceTimersByTime(16 * 5);
  expect(runs.map((at, n) => at - (runs[n - 1] ?? at))).toEqual([0, 32, 32, 32]);
});

test("a page that is hidden before its frame runs all the same, once", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  vi.stubGlobal("document", { visibilityState: "visible", addEventListener() {} });
  vi.stubGlobal("requestAnimationFrame", () => 1);
  vi.stubGlobal("cancelAnimationFrame", () => {});
  let runs = 0;
  browserStoreEnvironment().requestFrame(() => {
    runs += 1;
  });
  vi.advanceTimersByTime(1_000);
  expect(runs).toBe(1);
});
