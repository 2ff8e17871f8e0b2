import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { Formula } from "./formula.tsx";

afterEach(cleanup);

vi.mock("./math.tsx", () => {
  throw new TypeError("Failed to fetch dynamically imported module");
});

test("a formula whose program cannot be loaded stays as it was written, and takes nothing with it", async () => {
  render(<Formula tex="x^2" source="$x^2$" display={false} />);
  await act(() => import("./math.tsx").catch(() => {}));
  await act(() => vi.dynamicImportSettled());
  expect(screen.getByText("$x^2$")).toBeTruthy();
});
