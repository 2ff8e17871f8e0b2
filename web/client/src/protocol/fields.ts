/** Reads members of JSON objects that somebody else made. Members nobody asks for are not looked at. */

/** What came is not as docs/protocol.md describes it; the message says where. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

export type Decoder<T> = (value: unknown, where: string) => T;

export function decodeList<T>(value: unknown, where: string, one: Decoder<T>): T[] {
  if (!Array.isArray(value)) throw new DecodeError(`${where} is not a list`);
  return value.map((item, index) => one(item, `${where}[${index}]`));
}

export class Fields {
  readonly #object: Record<string, unknown>;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    if (!isObject(value)) throw new DecodeError(`${where} is not an object`);
    this.#object = value;
    this.#where = where;
  }

  has(name: string): boolean {
    return (this.#object[name] ?? null) !== null;
  }

  text(name: string): string {
    const value = this.#object[name];
    return typeof value === "string" ? value : this.#fail(name, "a text");
  }

  number(name: string): number {
    const value = this.#object[name];
    return typeof value === "number" ? value : this.#fail(name, "a number");
  }

  flag(name: string): boolean {
    const value = this.#object[name];
    return typeof value === "boolean" ? value : this.#fail(name, "true or false");
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.#object[name];
    const found = choices.find((choice) => choice === value);
    return found ?? this.#fail(name, `one of ${choices.join(", ")}`);
  }

  list<T>(name: string, one: Decoder<T>): T[] {
    return decodeList(this.#object[name], `${this.#where}.${name}`, one);
  }

  object<T>(name: string, decode: Decoder<T>): T {
    return decode(this.#object[name], `${this.#where}.${name}`);
  }

  /** Null, and nothing at all, is null: what is not known yet. */
  textOrNull(name: string): string | null {
    return this.has(name) ? this.text(name) : null;
  }

  numberOrNull(name: string): number | null {
    return this.has(name) ? this.number(name) : null;
  }

  objectOrNull<T>(name: string, decode: Decoder<T>): T | null {
    return this.has(name) ? this.object(name, decode) : null;
  }

  #fail(name: string, expected: string): never {
    throw new DecodeError(`${this.#where}.${name} is not ${expected}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
