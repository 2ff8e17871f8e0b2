import type { Readable } from "@throughline/client";
import { type Follow, following, grew, pulledUp, scrolled } from "./follow.ts";

const upKeys = new Set(["ArrowUp", "PageUp", "Home"]);

/**
 * Keeps a scrolling element at its end while `follow.ts` says so. A plain class beside the DOM: text that arrives moves the
 * page without a drawing of React. What it says (`Readable`) is the state of following, for the button that leads back.
 */
export class Scroller implements Readable<Follow> {
  #element: HTMLElement;
  #follow: Follow = following;
  #top: number;
  #height: number;
  #window: number;
  readonly #listeners = new Set<() => void>();
  readonly #sizes: ResizeObserver;
  readonly #end = new AbortController();

  /** `content` is what grows inside of `element`. */
  constructor(element: HTMLElement, content: Element, start: Follow) {
    this.#element = element;
    this.#follow = start;
    this.#top = element.scrollTop;
    this.#height = element.scrollHeight;
    this.#window = element.clientHeight;
    this.#sizes = new ResizeObserver(() => this.#resized());
    this.#sizes.observe(element);
    this.#sizes.observe(content);
    const { signal } = this.#end;
    const passive = { passive: true, signal };
    element.addEventListener("scroll", () => this.#scrolled(), passive);
    element.addEventListener("wheel", (event) => event.deltaY < 0 && this.#pulledUp(), passive);
    element.addEventListener("touchmove", () => this.#scrolled(), passive);
    element.addEventListener(
      "keydown",
      (event) => {
        const typing =
          event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement;
        if (!typing && upKeys.has(event.key)) this.#pulledUp();
      },
      { signal },
    );
  }

  readonly get = () => this.#follow;
  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Leads to the end and follows from there. */
  readonly toEnd = () => {
    this.#set(following);
    this.#pin();
  };

  /** Text or a message has arrived. */
  readonly grew = () => this.#set(grew(this.#follow));

  stop(): void {
    this.#end.abort();
    this.#sizes.disconnect();
  }

  #below(): number {
    const { scrollHeight, clientHeight, scrollTop } = this.#element;
    return scrollHeight - clientHeight - scrollTop;
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#element;
    const by = scrollTop - this.#top;
    this.#top = scrollTop;
    // What was laid out anew moves the page too: that is not the reader. The observer puts it right.
    const moved = scrollHeight !== this.#height || clientHeight !== this.#window;
    if (this.#follow.kind === "following" && moved) return;
    if (by !== 0) this.#set(scrolled(this.#follow, { below: this.#below(), by }));
  }

  /** To measure costs a layout while a long list is drawn, so only who follows does. */
  #resized(): void {
    if (this.#follow.kind === "following") this.#pin();
  }

  #pulledUp(): void {
    this.#set(pulledUp(this.#follow, this.#element.scrollTop > 0));
  }

  #pin(): void {
    this.#element.scrollTop = this.#element.scrollHeight;
    this.#top = this.#element.scrollTop;
    this.#measure();
  }

  #measure(): void {
    this.#height = this.#element.scrollHeight;
    this.#window = this.#element.clientHeight;
  }

  #set(next: Follow): void {
    if (next === this.#follow) return;
    if (next.kind === "following") this.#measure();
    this.#follow = next;
    for (const listener of [...this.#listeners]) listener();
  }
}
