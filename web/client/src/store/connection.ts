/** What the "About this connection" panel shows, from what the feed says and what streams go through. */

import type { Clock } from "../sync/clock.ts";
import type { FeedStatus } from "../sync/feed.ts";
import type { ConnectionNote, ConnectionView, Readable } from "./contract.ts";
import { type Batch, Cell } from "./readable.ts";

const notes_max = 50;

type NoteBody = ConnectionNote extends infer Note ? (Note extends unknown ? Omit<Note, "at"> : never) : never;

export class Connection implements Readable<ConnectionView> {
  readonly #clock: Clock;
  readonly #cell: Cell<ConnectionView>;
  #view: ConnectionView = {
    state: { kind: "connecting" },
    transport: "events",
    role: "follower",
    rev: null,
    history: [],
  };

  constructor(batch: Batch, clock: Clock) {
    this.#clock = clock;
    this.#cell = new Cell(batch, this.#view);
  }

  get(): ConnectionView {
    return this.#cell.get();
  }

  subscribe(listener: () => void): () => void {
    return this.#cell.subscribe(listener);
  }

  setState(state: ConnectionView["state"]): void {
    const before = this.#view.state;
    if (state.kind === "connected" && before.kind !== "connected") this.note({ kind: "connected" });
    if (state.kind === "offline" && before.kind !== "offline") this.note({ kind: "offline" });
    if (state.kind === "waiting" && before.kind !== "waiting")
      this.note({ kind: "lost", cause: state.cause });
    this.#set({ state });
  }

  setFeed(status: FeedStatus): void {
    const { transport, role } = this.#view;
    if (status.role === "leader" && role === "follower") this.note({ kind: "became_leader" });
    if (status.transport !== transport) {
      this.note({ kind: status.transport === "poll" ? "fell_back_to_poll" : "back_to_events" });
    }
    this.#set({ transport: status.transport, role: status.role });
    this.setState(status.state);
  }

  setRev(rev: number | null): void {
    this.#set({ rev });
  }

  note(note: NoteBody): void {
    const added = { ...note, at: this.#clock.now() } as ConnectionNote;
    this.#set({ history: [added, ...this.#view.history].slice(0, notes_max) });
  }

  #set(members: Partial<ConnectionView>): void {
    this.#view = { ...this.#view, ...members };
    this.#cell.set(this.#view);
  }
}
