// What a page's main thread worked at a stretch, in its own processor time: what else the machine does is not in it, unlike in the
// long tasks that a page is told of.
import type { Browser } from "playwright-core";

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Processor time, in microseconds. */
  tdur?: number;
}

/** Runs `run`; milliseconds of each task meanwhile of the thread that worked most. */
export async function tasksDuring(browser: Browser, run: () => Promise<void>): Promise<number[]> {
  const session = await browser.newBrowserCDPSession();
  await session.send("Tracing.start", {
    transferMode: "ReturnAsStream",
    traceConfig: { includedCategories: ["disabled-by-default-devtools.timeline"] },
  });
  await run();
  const complete = new Promise<string>((resolve) => session.once("Tracing.tracingComplete", ({ stream }) => resolve(stream!)));
  await session.send("Tracing.end");
  const handle = await complete;
  let text = "";
  for (let ended = false; !ended; ) {
    const { data, eof } = await session.send("IO.read", { handle, size: 1 << 20 });
    text += data;
    ended = eof;
  }
  await session.detach();
  const threads = new Map<string, number[]>();
  for (const { name, ph, pid, tid, tdur } of (JSON.parse(text) as { traceEvents: TraceEvent[] }).traceEvents) {
    if (name !== "RunTask" || ph !== "X") continue;
    const thread = `${pid}/${tid}`;
    const tasks = threads.get(thread) ?? [];
    threads.set(thread, tasks);
    tasks.push((tdur ?? 0) / 1000);
  }
  const sum = (values: number[]) => values.reduce((all, value) => all + value, 0);
  return [...threads.values()].sort((a, b) => sum(b) - sum(a))[0] ?? [];
}
