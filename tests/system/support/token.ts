// Access tokens of the servers under test: whoever asks one of them asks here what lets it in.
import { readFileSync } from "node:fs";

const known = new Map<string, string>();

/** The token in an environment, as the program reads it. */
export function tokenIn(env: Record<string, string | undefined>): string | undefined {
  const file = env["THROUGHLINE_ACCESS_TOKEN_FILE"];
  return env["THROUGHLINE_ACCESS_TOKEN"] ?? (file ? readFileSync(file, "utf8").trim() : undefined);
}

/** From now on the server at this address is sent this token. */
export function rememberToken(url: string, token: string | undefined): void {
  if (token === undefined) known.delete(new URL(url).origin);
  else known.set(new URL(url).origin, token);
}

/** The header that lets a request in, if one is needed. */
export function authorization(url: string): Record<string, string> {
  const token = known.get(new URL(url).origin) ?? tokenIn(process.env);
  return token ? { Authorization: `Bearer ${token}` } : {};
}
