import { describe, expect, it } from "vitest";
import { type PaletteEntry, paletteEntries, score } from "./palette_entries.ts";

const entry = (group: PaletteEntry["group"], text: string, also?: string): PaletteEntry => ({
  key: `${group}:${text}`,
  group,
  text,
  also,
  run() {},
});
const all = [
  entry("Actions", "New chat"),
  entry("Actions", "Dark theme", "appearance night"),
  entry("Chats", "Trains in Norway"),
  entry("Chats", "A new garden"),
  entry("Chats", "Renewals"),
  entry("Models", "nova-large"),
];
const found = (query: string) => paletteEntries(all, query).map((one) => one.text);

describe("paletteEntries", () => {
  it("shows actions and the newest chats before anything is typed", () => {
    expect(found("")).toEqual(["New chat", "Dark theme", "Trains in Norway", "A new garden", "Renewals"]);
  });
  it("puts the better match first, and its group", () => {
    expect(found("new")).toEqual(["New chat", "A new garden", "Renewals"]);
    expect(found("trains")).toEqual(["Trains in Norway"]);
    expect(found("nova")).toEqual(["nova-large"]);
  });
  it("finds by other words, and by words in any order", () => {
    expect(found("night")).toEqual(["Dark theme"]);
    expect(found("norway trains")).toEqual(["Trains in Norway"]);
  });
  it("finds nothing for nonsense", () => {
    expect(found("zzz")).toEqual([]);
  });
});

it("scores the beginning of a word also behind signs", () => {
  expect(score("(draft) über alles", "ÜBER")).toBe(3);
});
