/**
 * Names of messages that last as long as the page: a message written here is named by its row in the outbox, before and after
 * the engine has given it an id, so that nothing on the page is thrown away and made again.
 */
export class Keys {
  readonly #keyOfId = new Map<string, string>();
  readonly #idOfKey = new Map<string, string>();

  keyOf(messageId: string): string {
    return this.#keyOfId.get(messageId) ?? messageId;
  }

  /** The id a key stands for; a key that nobody gave is an id itself. */
  idOf(key: string): string {
    return this.#idOfKey.get(key) ?? key;
  }

  isGiven(key: string): boolean {
    return this.#idOfKey.has(key);
  }

  give(messageId: string, key: string): void {
    this.take(messageId);
    const before = this.#idOfKey.get(key);
    if (before !== undefined) this.#keyOfId.delete(before);
    this.#keyOfId.set(messageId, key);
    this.#idOfKey.set(key, messageId);
  }

  /** The message is named by its id again. */
  take(messageId: string): void {
    const key = this.#keyOfId.get(messageId);
    if (key === undefined) return;
    this.#keyOfId.delete(messageId);
    this.#idOfKey.delete(key);
  }
}
