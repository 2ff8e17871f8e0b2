/**
 * The service worker: the page starts without a network. It keeps the files of the page and nothing else; what the engine
 * answers, and its event streams, never pass through here. An old version's files stay one version longer, for open tabs.
 */
import { answerFor, isOfPage } from "./answer_for.ts";

/** Filled in by the build: the files, and a name that changes whenever one of them does. */
declare const __FILES__: readonly string[];
declare const __VERSION__: string;
declare const self: ServiceWorkerGlobalScope;

const prefix = "throughline-page-";
const mine = prefix + __VERSION__;
const files = new Set(__FILES__);

self.addEventListener("install", (event) => event.waitUntil(keepFiles()));
self.addEventListener("activate", (event) => event.waitUntil(removeOld().then(() => self.clients.claim())));
self.addEventListener("message", (event) => {
  if (event.data?.kind === "take_over") void self.skipWaiting();
});

async function keepFiles(): Promise<void> {
  const cache = await caches.open(mine);
  const fetched = async (path: string) => {
    // What a hashed name stands for never changes: the copy of the version before is as good.
    const known = path.startsWith("/assets/") ? await caches.match(path) : undefined;
    // Signed out, the engine leads elsewhere: that page must not become ours.
    const reply = known ?? (await fetch(new Request(path, { cache: "no-cache", redirect: "error" })));
    if (!reply.ok) throw new Error(`${path} answered ${reply.status}`);
    await cache.put(path, reply);
  };
  await Promise.all([...files].map(fetched));
}

async function removeOld(): Promise<void> {
  const names = (await caches.keys()).filter((name) => name.startsWith(prefix) && name !== mine);
  await Promise.all(names.slice(0, -1).map((name) => caches.delete(name)));
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  const key = answerFor(address.pathname, request.mode === "navigate", files);
  if (key !== undefined) event.respondWith(fromCache(key, request));
});

async function fromCache(key: string, request: Request): Promise<Response> {
  const cache = await caches.open(mine);
  return (await cache.match(key)) ?? (await caches.match(key)) ?? fetch(request);
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const path: unknown = event.notification.data?.path;
  event.waitUntil(open(typeof path === "string" ? path : "/"));
});

async function open(path: string): Promise<void> {
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  // The engine's own pages, as /docs, hear nothing.
  const tab = tabs.find(({ url }) => isOfPage(new URL(url).pathname));
  if (tab === undefined) await self.clients.openWindow(path);
  else {
    await tab.focus();
    tab.postMessage({ kind: "open", path });
  }
}
