// D4: no space left, and a database that somebody else holds on to. Posts are refused in plain words; reading and what is being
// streamed go on; and all is well again as soon as there is space, without a restart.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../system/support/process.ts";
import { sqliteFile } from "./support/database.ts";
import { FailingDisk, SmallDisk, whyNoSmallDisk } from "./support/disk.ts";
import { row, type Tally } from "./support/rows.ts";
import { Crowd, someWish, type Stage, withStage } from "./support/stage.ts";

let posts = 0;

/** A post that needs pages of its own; it is refused in the words of a full disk, or it is not refused. */
async function postMuch(stage: Stage, tally: Tally): Promise<boolean> {
  const reply = await stage.engine.call("POST", "/chat/messages", { content: `${++posts} many words ${"and more ".repeat(20_000)}` });
  if (reply.status === 202) {
    // It fitted: end it, so that it asks the model for little.
    await stage.engine.call("POST", `/tasks/${reply.body.task_id}/cancel`);
    return true;
  }
  const type = reply.headers.get("content-type") ?? "";
  if (![503, 507].includes(reply.status) || !type.startsWith("application/problem+json")) {
    tally.violations.push(`a post without space was answered ${reply.status} ${type}`);
  }
  if (reply.status === 507 && reply.body.code !== "storage_full") tally.violations.push(`507 with the code ${reply.body.code}`);
  return false;
}

/** While nothing can be written: long streams go on, and what there is can be read. */
async function judgeService(stage: Stage, conversation: string, tally: Tally): Promise<void> {
  const { recorder } = stage;
  const count = () => recorder.records.seen.length;
  const before = count();
  await until("streams that go on", () => count() > before + 20, 10_000).catch(() => {
    tally.violations.push("streams stood still while nothing could be written");
  });
  for (const path of ["/conversations", `/conversations/${conversation}/messages`, "/active-streams", "/healthz"]) {
    const reply = await stage.engine.call("GET", path);
    if (reply.status !== 200) tally.violations.push(`GET ${path} was answered ${reply.status}`);
  }
  const ready = await stage.engine.call("GET", "/readyz");
  if (ready.status !== 200 || ready.body.status !== "degraded") {
    tally.violations.push(`/readyz said ${ready.status} ${JSON.stringify(ready.body)} while nothing could be written`);
  }
}

/** `stop` makes writing impossible, `go` possible again. */
async function play(stage: Stage, stop: () => void, go: () => void, chance: { between(a: number, b: number): number }, tally: Tally, name: string) {
  const { recorder } = stage;
  const pid = stage.engine.pid;
  const crowd = new Crowd();
  // Longer than it takes until posts are refused; stopped when that has been seen.
  const posted = await Promise.all([0, 1, 2, 3].map((k) => recorder.post(`${name} long ${k}`, { tokens: 6_000, pace_ms: 10 })));
  for (const [k, one] of posted.entries()) crowd.add(stage.followAll(`${name} long ${k}`, one, { readers: 2 }));
  // This one ends while nothing can be written: its readers hear of that when it is stored.
  crowd.add(stage.answer(`${name} short`, { tokens: chance.between(20, 60), pace_ms: 10 }));
  await sleep(chance.between(100, 400));
  stop();
  tally.faults++;
  await until("posts that are refused", async () => !(await postMuch(stage, tally)), 30_000);
  await judgeService(stage, posted[0]!.conversation, tally);
  // Posted when nothing can be written, answered when it can.
  crowd.add(stage.answer(`${name} late`, { tokens: 10, pace_ms: 5 }));
  await sleep(chance.between(0, 300));
  go();
  recorder.healed();
  for (const one of posted) crowd.add(recorder.cancel(name, one.task));
  await crowd.all();
  if (stage.engine.pid !== pid || !(await stage.engine.call("GET", "/readyz")).body.status.match(/^(ready|degraded)$/)) {
    tally.violations.push("it did not recover by itself");
  }
  tally.repetitions++;
  tally.answers += crowd.size;
}

row("D4", "a full disk, and space again", { quick: 1, long: 20 }, async (repeat, chance, tally) => {
  const disk = new SmallDisk("8m");
  try {
    for (let n = 0; n < repeat; n++) {
      // A new database each time: an old one has pages to spare.
      const dataDir = join(disk.path, `data${n}`);
      mkdirSync(dataDir);
      await withStage({ dataDir }, async (stage) => {
        await play(stage, () => disk.fill(), () => disk.free(), chance, tally, `run ${n}`);
        tally.blame(await stage.verdict(), "after a full disk");
      });
    }
  } finally {
    disk.dispose();
  }
}, whyNoSmallDisk());

row("D4", "writes that fail for lack of space", { quick: 1, long: 20 }, async (repeat, chance, tally) => {
  const disk = new FailingDisk();
  try {
    await withStage({ env: disk.env }, async (stage) => {
      for (let n = 0; n < repeat; n++) {
        await play(stage, () => disk.fail("write ENOSPC"), () => disk.mend(), chance, tally, `run ${n}`);
      }
      tally.blame(await stage.verdict(), "after writes that failed");
    });
  } finally {
    disk.dispose();
  }
});

row("D4", "writes that fail with an I/O error", { quick: 1, long: 20 }, async (repeat, chance, tally) => {
  const disk = new FailingDisk();
  try {
    await withStage({ env: disk.env }, async (stage) => {
      for (let n = 0; n < repeat; n++) {
        await play(stage, () => disk.fail("write EIO"), () => disk.mend(), chance, tally, `run ${n}`);
      }
      tally.blame(await stage.verdict(), "after writes that failed");
    });
  } finally {
    disk.dispose();
  }
});

row("D4", "a database that another program has locked", { quick: 1, long: 10 }, async (repeat, chance, tally) => {
  await withStage({}, async (stage) => {
    for (let n = 0; n < repeat; n++) {
      let other: DatabaseSync | undefined;
      const lock = () => {
        other = new DatabaseSync(sqliteFile(stage.engine.dataDir), { timeout: 10_000 });
        other.exec("BEGIN IMMEDIATE");
      };
      // Longer than the engine waits for it, so that posts are refused and not just slow.
      await play(stage, lock, () => other!.close(), chance, tally, `run ${n}`);
    }
    tally.blame(await stage.verdict(), "after a lock");
  });
});

row("D4", "a lock that is soon given back", { quick: 2, long: 30 }, async (repeat, chance, tally) => {
  await withStage({}, async (stage) => {
    for (let n = 0; n < repeat; n++) {
      const other = new DatabaseSync(sqliteFile(stage.engine.dataDir), { timeout: 10_000 });
      other.exec("BEGIN IMMEDIATE");
      tally.faults++;
      const crowd = new Crowd();
      for (let k = 0; k < 4; k++) crowd.add(stage.answer(`client ${n}.${k}`, someWish(chance)));
      await sleep(chance.between(50, 1_500));
      other.close();
      await crowd.all();
      tally.repetitions++;
      tally.answers += crowd.size;
    }
    if (stage.recorder.refusals > 0) tally.violations.push("a short lock was noticed by whoever posted");
    stage.recorder.healed();
    tally.blame(await stage.verdict(), "after short locks");
  });
});
