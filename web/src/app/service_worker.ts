import { navigate } from "wouter/use-browser-location";
import { closeToast, showToast } from "../ui/toast_store.ts";

/** Trusted Types by their name in the DOM: TypeScript does not know them yet. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (text: string) => string },
  ): {
    createScriptURL(text: string): string;
  };
}

const address = "/sw.js";
const updateEvery = 3_600_000;

/** The one address of a script that may be made of text: our own worker's. */
function workerAddress(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  if (trustedTypes === undefined) return address;
  const policy = trustedTypes.createPolicy("throughline-sw", {
    createScriptURL(text) {
      if (text !== address) throw new TypeError("This is not the worker");
      return text;
    },
  });
  return policy.createScriptURL(address);
}

/**
 * Makes the page start offline. A new version is fetched beside the running one and waits until it is asked for: nothing is
 * ever replaced under somebody who writes. Without a worker (a plain-HTTP address, private browsing) all else works.
 */
export function registerServiceWorker(): void {
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    // A notification was pressed: the worker brought this tab to the front.
    if (data?.kind === "open" && typeof data.path === "string") navigate(data.path);
  });
  navigator.serviceWorker.register(workerAddress(), { updateViaCache: "none" }).then(follow, () => {
    // The browser has said why in its console; the page needs no worker.
  });
}

/** Some browsers that refuse workers give nothing instead of an error. */
function follow(registration: ServiceWorkerRegistration | undefined): void {
  if (registration === undefined) return;
  if (registration.waiting !== null) offer(registration);
  registration.addEventListener("updatefound", () => {
    const next = registration.installing;
    next?.addEventListener("statechange", () => {
      // The very first version replaces nothing.
      if (next.state === "installed" && navigator.serviceWorker.controller !== null) offer(registration);
    });
  });
  setInterval(() => {
    if (navigator.onLine) registration.update().catch(() => {});
  }, updateEvery);
}

let offered = 0;

/** One offer, however many versions come while nobody takes it. */
function offer(registration: ServiceWorkerRegistration): void {
  closeToast(offered);
  offered = showToast({
    text: "A new version is ready",
    duration: null,
    action: {
      text: "Reload",
      run() {
        const next = registration.waiting;
        // Another tab has brought it in: this one only has to follow.
        if (next === null) return location.reload();
        navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
        next.postMessage({ kind: "take_over" });
      },
    },
  });
}
