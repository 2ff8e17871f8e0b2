import { cleanup, render, screen } from "@testing-library/react";
import { Suspense } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { lazily } from "./lazily.tsx";

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

test("a part is shown where the browser keeps nothing for the page", async () => {
  vi.spyOn(Storage.prototype, "removeItem").mockImplementation(() => {
    throw new DOMException("Access is denied", "SecurityError");
  });
  vi.spyOn(Storage.prototype, "getItem").mockImplementation(() => {
    throw new DOMException("Access is denied", "SecurityError");
  });
  const Part = lazily(async () => () => <p>Here</p>);
  render(
    <Suspense>
      <Part />
    </Suspense>,
  );
  expect(await screen.findByText("Here")).toBeTruthy();
});
