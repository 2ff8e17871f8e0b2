// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";
import { copyText } from "./copy_text.ts";

afterEach(() => void vi.unstubAllGlobals());

test("without a clipboard API what is selected is copied, and the focus stays", async () => {
  vi.stubGlobal("navigator", {});
  const button = document.createElement("button");
  document.body.append(button);
  button.focus();
  const copied: string[] = [];
  document.execCommand = () => {
    const field = document.activeElement ?? document.querySelector("textarea");
    copied.push(document.querySelector("textarea")?.value ?? "");
    return field !== null;
  };
  expect(await copyText("one\ntwo")).toBe(true);
  expect(copied).toEqual(["one\ntwo"]);
  expect(document.querySelector("textarea")).toBeNull();
  expect(document.activeElement).toBe(button);
});

test("a browser that refuses says so", async () => {
  vi.stubGlobal("navigator", { clipboard: { writeText: () => Promise.reject(new Error("no")) } });
  expect(await copyText("text")).toBe(false);
});
