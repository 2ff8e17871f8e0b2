import { createThroughline, type Throughline } from "@throughline/client";

/** The client of this page. */
export async function makeClient(): Promise<Throughline> {
  return createThroughline({ baseUrl: __ENGINE_URL__ });
}
