/** What this floor hears of the page it runs in. */
export type PageEvent =
  | "online"
  | "offline"
  /** Seen again after it was hidden, restored from the back/forward cache, or thawed. */
  | "shown"
  | "hidden"
  /** The browser stops the page; nothing runs until `shown`. */
  | "frozen"
  /** The page goes away, perhaps for ever. */
  | "leaving";

export interface Environment {
  isOnline(): boolean;
  isVisible(): boolean;
  /** Returns what ends the listening. */
  listen(listener: (event: PageEvent) => void): () => void;
}

export function defaultEnvironment(): Environment {
  return typeof document === "undefined" ? plainEnvironment() : browserEnvironment();
}

/** Node: always online and visible. */
export function plainEnvironment(): Environment {
  return { isOnline: () => true, isVisible: () => true, listen: () => () => {} };
}

export function browserEnvironment(): Environment {
  const isVisible = () => document.visibilityState === "visible";
  return {
    isOnline: () => navigator.onLine,
    isVisible,
    listen(listener) {
      const all: readonly (readonly [EventTarget, string, () => PageEvent])[] = [
        [window, "online", () => "online"],
        [window, "offline", () => "offline"],
        [window, "pageshow", () => "shown"],
        [window, "pagehide", () => "leaving"],
        [document, "visibilitychange", () => (isVisible() ? "shown" : "hidden")],
        [document, "freeze", () => "frozen"],
        [document, "resume", () => "shown"],
      ];
      const ends = all.map(([target, name, meaning]) => {
        const hear = () => listener(meaning());
        target.addEventListener(name, hear);
        return () => target.removeEventListener(name, hear);
      });
      return () => {
        for (const end of ends) end();
      };
    },
  };
}
