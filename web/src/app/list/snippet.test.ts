import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { markMatches } from "./snippet.ts";

const drawn = (text: string, query: string) =>
  markMatches(text, query)
    .map((part) => (part.match ? `[${part.text}]` : part.text))
    .join("");

describe("markMatches", () => {
  it("marks every match, whatever its case", () => {
    expect(drawn("Red and red", "RED")).toBe("[Red] and [red]");
    expect(drawn("Größe, GRÖSSE", "größe")).toBe("[Größe], GRÖSSE");
  });
  it("prefers the whole query to its words", () => {
    expect(drawn("a big cat, a cat", "big cat")).toBe("a [big cat], a cat");
    expect(drawn("a cat that is big", "big cat")).toBe("a [cat] that is [big]");
  });
  it("takes signs for what they are", () => {
    expect(drawn("f(x) + a.b", "(x)")).toBe("f[(x)] + a.b");
    expect(drawn("axb a.b", "a.b")).toBe("axb [a.b]");
  });
  it("never loses or changes a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (text, query) => {
        expect(
          markMatches(text, query)
            .map((part) => part.text)
            .join(""),
        ).toBe(text);
      }),
    );
  });
});
