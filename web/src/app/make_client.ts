import type { Throughline } from "@throughline/client";

/** The client of this page. Until there is one that talks to the engine: one in memory. */
export async function makeClient(): Promise<Throughline> {
  const { sideScenes } = await import("../testing/side_scenes.ts");
  return sideScenes();
}
