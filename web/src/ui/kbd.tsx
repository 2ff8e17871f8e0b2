const isApple =
  typeof navigator !== "undefined" && /mac|iphone|ipad/i.test(navigator.platform || navigator.userAgent);

const drawn: Readonly<Record<string, string>> = {
  Mod: isApple ? "⌘" : "Ctrl",
  Shift: isApple ? "⇧" : "Shift",
  Alt: isApple ? "⌥" : "Alt",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  Delete: "Del",
};

/** The keys of a shortcut like `Mod+Shift+O` as they are written on this machine's keyboard. */
export function keysOf(shortcut: string): readonly string[] {
  return shortcut.split("+").map((key) => drawn[key] ?? key);
}

/** A shortcut such as `Mod+K`, drawn as keys. `Mod` is Ctrl, on Apple's machines Command. */
export function Kbd({ keys }: { keys: string }) {
  return (
    <kbd className="inline-flex gap-0.5 font-sans text-xs">
      {keysOf(keys).map((key) => (
        <span
          key={key}
          className="inline-flex min-w-5 items-center justify-center rounded-sm border border-line bg-canvas px-1 text-soft"
        >
          {key}
        </span>
      ))}
    </kbd>
  );
}
