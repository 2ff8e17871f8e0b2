import { cloneElement, type ReactElement, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Kbd } from "./kbd.tsx";

/** What makes an element have a tooltip: the layer finds it by this. */
export function tooltipOf(text: string, keys?: string) {
  return { "data-tooltip": text, "data-tooltip-keys": keys };
}

/**
 * Words that appear beside what they are about, on hover and focus. They are for eyes only: the child must have its own
 * accessible name. The child is one element that passes what it is given to a button or link.
 */
export function Tooltip({
  text,
  keys,
  children,
}: {
  text: string;
  keys?: string | undefined;
  children: ReactElement<Record<string, unknown>>;
}) {
  return cloneElement(children, tooltipOf(text, keys));
}

const delay = 500;
/** From one to the next of a row they follow at once. */
const warmFor = 300;
const gap = 6;
const edge = 8;

/** Draws the tooltips of the whole page, one at a time. Once, at its root. */
export function TooltipLayer() {
  const [about, setAbout] = useState<HTMLElement | null>(null);
  useEffect(() => watchTooltips(setAbout), []);
  const text = about?.dataset["tooltip"];
  return about === null || text === undefined ? null : <Words about={about} text={text} />;
}

function Words({ about, text }: { about: HTMLElement; text: string }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const target = about.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = element;
    const above = target.top - gap - height;
    const left = target.left + (target.width - width) / 2;
    const furthest = document.documentElement.clientWidth - width - edge;
    element.style.top = `${above < edge ? target.bottom + gap : above}px`;
    element.style.left = `${Math.max(edge, Math.min(left, furthest))}px`;
  });
  const keys = about.dataset["tooltipKeys"];
  return (
    <div
      ref={box}
      aria-hidden="true"
      data-tooltip-layer=""
      className="fixed z-50 flex w-max max-w-[calc(100%-1rem)] items-center gap-2 rounded-sm bg-ink px-2 py-1 text-canvas text-xs shadow-float"
    >
      {text}
      {keys !== undefined && <Kbd keys={keys} />}
    </div>
  );
}

/**
 * Says which element's tooltip is to be seen. It comes after a moment of pointing, or at once with the focus of the keyboard;
 * it stays while it is pointed at itself, and goes with Escape, a press or a scroll.
 */
function watchTooltips(show: (about: HTMLElement | null) => void): () => void {
  let wanted: HTMLElement | null = null;
  let shown: HTMLElement | null = null;
  let hiddenAt = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const set = (next: HTMLElement | null) => {
    if (shown !== null && next === null) hiddenAt = performance.now();
    shown = next;
    show(next);
  };
  const want = (next: HTMLElement | null, after: number) => {
    if (next === wanted) return;
    wanted = next;
    clearTimeout(timer);
    if (after === 0) set(next);
    else timer = setTimeout(() => set(next?.isConnected === true ? next : null), after);
  };
  const withTooltip = (target: EventTarget | null) =>
    target instanceof Element ? target.closest<HTMLElement>("[data-tooltip]") : null;
  const end = new AbortController();
  const on = <Name extends keyof DocumentEventMap>(
    name: Name,
    listener: (event: DocumentEventMap[Name]) => void,
  ) => document.addEventListener(name, listener, { signal: end.signal, capture: true, passive: true });

  on("pointerover", ({ target, pointerType }) => {
    if (pointerType === "touch") return;
    if (target instanceof Element && target.closest("[data-tooltip-layer]") !== null) return;
    const next = withTooltip(target);
    const warm = shown !== null || performance.now() - hiddenAt < warmFor;
    want(next, next !== null && !warm ? delay : 0);
  });
  on("focusin", ({ target }) => {
    if (target instanceof Element && target.matches(":focus-visible")) want(withTooltip(target), 0);
  });
  on("focusout", () => want(null, 0));
  on("pointerdown", () => want(null, 0));
  on("keydown", () => want(null, 0));
  on("scroll", () => want(null, 0));
  return () => {
    end.abort();
    clearTimeout(timer);
  };
}
