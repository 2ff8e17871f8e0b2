import { expect, it } from "vitest";
import { pageTitle } from "./page_title.ts";

it("names the page, or else the product", () => {
  expect(pageTitle({ name: "Trains", unread: 0, running: false })).toBe("Trains");
  expect(pageTitle({ name: "  ", unread: 0, running: false })).toBe("Throughline");
  expect(pageTitle({ name: null, unread: 0, running: false })).toBe("Throughline");
});

it("says what waits to be read before what runs", () => {
  expect(pageTitle({ name: "Trains", unread: 2, running: true })).toBe("(2) Trains");
  expect(pageTitle({ name: "Trains", unread: 0, running: true })).toBe("· Trains");
  expect(pageTitle({ name: null, unread: 120, running: false })).toBe("(99+) Throughline");
});
