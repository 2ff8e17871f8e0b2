/**
 * Messages form a tree: an edit or another answer is a sibling. What is shown is one path through it: from the newest message
 * below the one that was chosen (or of all) up to the first message, or to where what is here ends.
 */
import type { Message, Role } from "../protocol/types.ts";

export interface Branch {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

export interface Path {
  /** Oldest first. */
  readonly messages: readonly Message[];
  /** The path goes on with messages that are not here. */
  readonly continues: boolean;
}

export const no_branch: Branch = { index: 0, count: 1 };

export class Tree {
  readonly newest: Message | null;
  readonly #byId: ReadonlyMap<string, Message>;
  readonly #children = new Map<string | null, Message[]>();

  constructor(messages: ReadonlyMap<string, Message>) {
    this.#byId = messages;
    let newest: Message | null = null;
    for (const message of messages.values()) {
      const siblings = this.#children.get(message.parent_id);
      if (siblings === undefined) this.#children.set(message.parent_id, [message]);
      else siblings.push(message);
      if (newest === null || message.seq > newest.seq) newest = message;
    }
    for (const siblings of this.#children.values()) siblings.sort((left, right) => left.seq - right.seq);
    this.newest = newest;
  }

  /** The path through `chosen`; an id that is not here, or null, means the newest message. */
  path(chosen: string | null): Path {
    const through = chosen === null ? undefined : this.#byId.get(chosen);
    const leaf = through === undefined ? this.newest : this.#newestBelow(through);
    const messages: Message[] = [];
    for (let at = leaf ?? undefined; at !== undefined; ) {
      messages.push(at);
      at = at.parent_id === null ? undefined : this.#byId.get(at.parent_id);
    }
    messages.reverse();
    const first = messages[0];
    return { messages, continues: first !== undefined && first.parent_id !== null };
  }

  /** Versions of one message, oldest first: the same parent and the same role. */
  versions(message: Message): readonly Message[] {
    return this.childrenOf(message.parent_id, message.role);
  }

  childrenOf(parentId: string | null, role: Role): readonly Message[] {
    return (this.#children.get(parentId) ?? []).filter((each) => each.role === role);
  }

  branch(message: Message): Branch {
    const versions = this.versions(message);
    return versions.length < 2 ? no_branch : { index: versions.indexOf(message), count: versions.length };
  }

  #newestBelow(message: Message): Message {
    let newest = message;
    const open = [message];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (at.seq > newest.seq) newest = at;
      open.push(...(this.#children.get(at.id) ?? []));
    }
    return newest;
  }
}
