import { afterEach, expect, test, vi } from "vitest";
import { randomId } from "./random_id.ts";

afterEach(() => void vi.unstubAllGlobals());

test("a UUID of version 4, each time another one, also where the page is no secure context", () => {
  const { crypto } = globalThis;
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  const ids = Array.from({ length: 200 }, randomId);
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(ids).size).toBe(200);
});
