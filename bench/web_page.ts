// Runs in the page: each function is sent there as text, so none may name anything outside of itself.

export interface Seen {
  /** Milliseconds of tasks over 50 ms, and of frames, since `begin`. */
  longTasks: number[];
  frames: number[];
  /** Of key presses, from the event to the next paint. */
  keys: number[];
  begin(): void;
}

declare global {
  interface Window {
    seen: Seen;
  }
}

/** Before anything of the application. */
export function watchPage(): void {
  const seen: Seen = {
    longTasks: [],
    frames: [],
    keys: [],
    begin() {
      this.longTasks = [];
      this.frames = [];
      this.keys = [];
    },
  };
  window.seen = seen;
  new PerformanceObserver((list) =>
    seen.longTasks.push(...list.getEntries().map((one) => one.duration)),
  ).observe({ type: "longtask" });
  new PerformanceObserver((list) => {
    for (const one of list.getEntries())
      if (one.name === "keydown" || one.name === "keypress") seen.keys.push(one.duration);
  }).observe({ type: "event", durationThreshold: 16 } as PerformanceObserverInit);
  let last = performance.now();
  const frame = (now: number) => {
    seen.frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/** Scrolls the messages up, a good turn of the wheel in every frame, for so many frames. */
export async function scrollUp(frames: number): Promise<{ messages: number; moved: number }> {
  const box = document.querySelector('section[aria-label="Messages"]')!;
  const met = new Set<string | null>();
  let moved = 0;
  for (let n = 0; n < frames; n += 1) {
    const before = box.scrollTop;
    box.scrollTop -= 150;
    moved += before - box.scrollTop;
    for (const article of box.querySelectorAll("article[data-key]"))
      met.add(article.getAttribute("data-key"));
    await new Promise(requestAnimationFrame);
  }
  return { messages: met.size, moved };
}

/** Milliseconds from a click on a chat of the list to the frame in which its messages stand. */
export async function switchTo({ href, text }: { href: string; text: string }): Promise<number> {
  const link = document.querySelector<HTMLElement>(`nav a[href="${href}"]`)!;
  const began = performance.now();
  link.click();
  for (;;) {
    const box = document.querySelector('section[aria-label="Messages"]');
    if (location.pathname === href && box?.textContent?.includes(text)) break;
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return performance.now() - began;
}

/** Milliseconds from the arrival of the program to the first chats in the list, and how many rows the list is long. */
export async function listed(): Promise<{ ms: number; chats: number }> {
  const script = performance
    .getEntriesByType("resource")
    .filter((one) => /assets\/index-[^/]+\.js/.test(one.name))[0];
  const mark = performance.getEntriesByName("listed")[0];
  return {
    ms: (mark?.startTime ?? NaN) - ((script as PerformanceResourceTiming | undefined)?.responseEnd ?? NaN),
    chats: document.querySelectorAll("nav a[href^='/c/']").length,
  };
}

/** Before anything of the application: marks the moment at which the first chat is in the list. */
export function markListed(): void {
  const observer = new MutationObserver(() => {
    if (document.querySelector("nav a[href^='/c/']") === null) return;
    observer.disconnect();
    requestAnimationFrame(() => performance.mark("listed"));
  });
  observer.observe(document, { childList: true, subtree: true });
}
