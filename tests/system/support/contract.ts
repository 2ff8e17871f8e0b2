// The description of the API (src/api/openapi.json) as a judge: whatever the tests send and the binary answers is held against
// it. A reply has a status, a type, headers and members that the description has, and no others; so has a request that was
// taken. Clients ignore members they do not know, so the description leaves replies open; here they are closed.
import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

export type Json = any;

export const documentText = readFileSync(new URL("../../../src/api/openapi.json", import.meta.url), "utf8");
export const description: Json = JSON.parse(documentText);

/** A copy in which an object has only the members that are listed. */
function closed(node: Json): Json {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== "object" || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, closed(value)]));
  if (copy["type"] === "object" && copy["properties"] && copy["additionalProperties"] === undefined) {
    copy["additionalProperties"] = false;
  }
  return copy;
}

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
// OpenAPI's own words, at the root and in schemas.
ajv.addVocabulary([...Object.keys(description), "discriminator"]);
ajv.addFormat("uuid", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
ajv.addFormat("date-time", (text) => !Number.isNaN(Date.parse(text)));
ajv.addFormat("uri-reference", (text) => URL.canParse(text, "http://here"));
ajv.addSchema({ ...closed(description), $id: "openapi.json" });

const compiled = new Map<string, ValidateFunction>();

/** Follows names from the root of the description, and references on the way. */
export function at(...names: string[]): { pointer: string; node: Json } {
  let pointer = "";
  let node = description;
  for (const name of ["", ...names]) {
    if (name !== "") {
      pointer += "/" + name.replaceAll("~", "~0").replaceAll("/", "~1");
      node = node?.[name];
    }
    while (node?.$ref && !node.properties) {
      pointer = node.$ref.slice(1);
      node = pointer.slice(1).split("/").reduce((from: Json, key: string) => from?.[key.replaceAll("~1", "/")], description);
    }
  }
  return { pointer, node };
}

/** Throws unless `value` is what the schema at the pointer says. */
export function check(what: string, pointer: string, value: unknown): void {
  let validate = compiled.get(pointer);
  if (!validate) {
    validate = ajv.compile({ $ref: "openapi.json#" + encodeURI(pointer) });
    compiled.set(pointer, validate);
  }
  if (validate(value)) return;
  const errors = (validate.errors ?? []).map((one) => `${one.instancePath || "it"} ${one.message} ${JSON.stringify(one.params)}`);
  throw new Error(`${what} is not as openapi.json says (${pointer}):\n${errors.join("\n")}\n${JSON.stringify(value)?.slice(0, 2000)}`);
}

export interface Operation {
  verb: string;
  path: string;
  node: Json;
}

export const operations: Operation[] = Object.entries<Json>(description.paths).flatMap(([path, item]) =>
  Object.keys(item).filter((verb) => verb !== "parameters").map((verb) => ({ verb, path, node: item[verb] })));

/** Parameters of a place, resolved, with the pointer of each one's schema. */
export function parametersOf(operation: Operation): { node: Json; schema: string }[] {
  const places = [["paths", operation.path, "parameters"], ["paths", operation.path, operation.verb, "parameters"]];
  return places.flatMap((place) => (at(...place).node ?? []).map((_: Json, n: number) => {
    const { node } = at(...place, String(n));
    return { node, schema: at(...place, String(n), "schema").pointer };
  }));
}

const shapes = operations.map((operation) => ({
  operation,
  pattern: new RegExp(`^${operation.path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
})).sort((a, b) => b.operation.path.split("/{")[0]!.length - a.operation.path.split("/{")[0]!.length);

function find(method: string, path: string): Operation | undefined {
  const bare = path.replace(/^\/api\/v1(?=\/)/, "");
  const verb = method === "HEAD" ? "get" : method.toLowerCase();
  return shapes.find((shape) => shape.pattern.test(bare) && shape.operation.verb === verb)?.operation;
}

function statusOf(response: string): number | undefined {
  return at("components", "responses", response, "content", "application/problem+json", "schema").node?.properties.status.const;
}

/** What the tests of this file have seen: `get /tasks/{id} 200`. */
export const covered = new Set<string>();

function checkHeaders(what: string, node: Json, pointer: string[], headers: Headers): void {
  for (const name of Object.keys(node.headers ?? {})) {
    const header = at(...pointer, "headers", name);
    const value = headers.get(name);
    if (value === null && header.node.required) throw new Error(`${what} has no ${name}`);
    const schema = at(...pointer, "headers", name, "schema");
    if (value !== null) check(`${name} of ${what}`, schema.pointer, schema.node.type === "integer" ? Number(value) : value);
  }
}

function checkRequest(what: string, operation: Operation, url: URL, body: string | undefined): void {
  const parameters = parametersOf(operation);
  for (const [name, value] of url.searchParams) {
    const parameter = parameters.find(({ node }) => node.in === "query" && node.name === name);
    if (!parameter) throw new Error(`${what} took the parameter ${name}, which openapi.json does not have`);
    const { type } = at(...parameter.schema.slice(1).split("/").map((part) => part.replaceAll("~1", "/"))).node;
    check(`${name} of ${what}`, parameter.schema, type === "integer" ? Number(value) : value);
  }
  const schema = at("paths", operation.path, operation.verb, "requestBody", "content", "application/json", "schema");
  if (!schema.node) {
    if (body) throw new Error(`${what} took a body, which openapi.json does not have`);
  } else check(`the body of ${what}`, schema.pointer, JSON.parse(body?.trim() || "{}"));
}

export interface Seen {
  status: number;
  headers: Headers;
  /** undefined: it was not read. */
  text?: string;
}

/** Throws unless the reply, and the request if it was taken, are as the description says. */
export function checkReply(method: string, address: string, seen: Seen, body?: string): void {
  if (method === "OPTIONS") return;
  const url = new URL(address, "http://here");
  const operation = find(method, url.pathname);
  const what = `${method} ${url.pathname} ${seen.status}`;
  // What no call takes has its reply among the general ones.
  const general = Object.keys(description.components.responses).find((name) => statusOf(name) === seen.status) ?? "none";
  const place = operation ? ["paths", operation.path, operation.verb, "responses", String(seen.status)] : ["components", "responses", general];
  const response = at(...place).node;
  if (!response) throw new Error(`${what}: openapi.json does not have this status`);
  checkHeaders(what, response, place, seen.headers);
  const type = seen.headers.get("content-type")?.split(";")[0] ?? "";
  if (!response.content ? type !== "" : !response.content[type]) throw new Error(`${what}: openapi.json does not have '${type}'`);
  if (operation) covered.add(`${operation.verb} ${operation.path} ${seen.status}`);
  if (seen.text && type.endsWith("json")) check(what, at(...place, "content", type, "schema").pointer, JSON.parse(seen.text));
  if (operation && seen.status < 300) checkRequest(what, operation, url, body);
}

const eventSchemas: Record<string, string> = { message: "Chunk", change: "Change", chunk: "TaskChunk" };

/** Throws unless the data of a server-sent event are as the description says. */
export function checkEvent(name: string, data: string): void {
  const schema = eventSchemas[name];
  if (!schema) throw new Error(`openapi.json has no event '${name}'`);
  check(`the event ${name}`, `/components/schemas/${schema}`, JSON.parse(data));
}
