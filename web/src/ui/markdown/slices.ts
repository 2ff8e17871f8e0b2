/** A slice ends after so many characters if not after so many lines before. Longer lines are broken there. */
const charactersMax = 8_000;

export interface Slice {
  /** Where it begins: what tells it from its neighbours. */
  readonly at: number;
  readonly text: string;
}

/** Cuts growing text into slices of whole lines; all but the last never change. */
export class Slices {
  readonly #linesMax: number;
  #text = "";
  #start = 0;
  #closed: Slice[] = [];

  constructor(linesMax: number) {
    this.#linesMax = linesMax;
  }

  /** Takes the whole text as it is now. `closed` is the same array as long as the text only grows. */
  update(text: string): { readonly closed: readonly Slice[]; readonly last: Slice } {
    if (!text.startsWith(this.#text)) {
      this.#start = 0;
      this.#closed = [];
    }
    this.#text = text;
    for (let end = this.#end(); end !== undefined; end = this.#end()) {
      this.#closed.push({ at: this.#start, text: text.slice(this.#start, end) });
      this.#start = end;
    }
    return { closed: this.#closed, last: { at: this.#start, text: text.slice(this.#start) } };
  }

  /** Where the slice that begins at `#start` ends, or undefined while it may grow. */
  #end(): number | undefined {
    const limit = this.#start + charactersMax;
    let end = this.#start;
    for (let line = 0; line < this.#linesMax; line += 1) {
      const next = this.#text.indexOf("\n", end);
      if (next < 0 || next >= limit) {
        if (this.#text.length <= limit) return undefined;
        return end > this.#start ? end : this.#whole(limit);
      }
      end = next + 1;
    }
    return end;
  }

  /** Not between the halves of a character. */
  #whole(end: number): number {
    const unit = this.#text.charCodeAt(end - 1);
    return unit >= 0xd800 && unit < 0xdc00 ? end - 1 : end;
  }
}
