// The checker itself: an orderly run has no violation, and for each invariant there is a run that breaks it in one place and is
// found out. A checker that cannot fail proves nothing. What a database holds is told to it by the test, and then comes from
// rows of both databases.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "./support/checker.ts";
import type { Records } from "./support/records.ts";
import { brokenRuns, orderlyRuns } from "./support/stories.ts";
import { postgresStore, sqliteStore, type StoryStore, through } from "./support/story_store.ts";

const sources: [string, (() => Promise<StoryStore>) | undefined][] = [
  ["as it is told", undefined],
  ["from SQLite", sqliteStore],
  ["from PostgreSQL", postgresStore],
];

describe.each(sources)("what is stored comes %s", (_, open) => {
  let store: StoryStore | undefined;
  beforeAll(async () => {
    store = await open?.();
  });
  afterAll(() => store?.dispose());
  const told = async (records: Records) => (store ? through(store, records) : records);

  test.each(orderlyRuns)("in order: %s", async (_, story) => {
    expect(check(await told(story.records))).toEqual([]);
  });

  test.each(brokenRuns)("%s is broken: %s", async (invariant, _, story, what) => {
    const found = check(await told(story.records));
    expect(found.map((one) => `${one.invariant} ${one.what}`)).toContainEqual(expect.stringMatching(new RegExp(`^${invariant} .*${what.source}`)));
  });

  test.runIf(open)("a look for damage finds none in a database that is whole", async () => {
    expect((await store!.database.snapshot(true)).integrity).toBe("ok");
  });
});

test("every invariant has a run that breaks it", () => {
  expect([...new Set(brokenRuns.map(([invariant]) => invariant))].sort()).toEqual(["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8"]);
});

test("a look for damage finds a row that an index of PostgreSQL has not", async () => {
  const store = await postgresStore();
  try {
    const ready = (is: boolean) => store.run(`UPDATE pg_index SET indisready = ${is} WHERE indexrelid = 'throughline.workers_pkey'::regclass`);
    await ready(false);
    await store.run("INSERT INTO workers(id, renewed_at, expires_at, expired_before) VALUES('w', 1, 1, 0)");
    await ready(true);
    expect((await store.database.snapshot(true)).integrity).toMatch(/lacks matching index tuple/);
  } finally {
    await store.dispose();
  }
});
