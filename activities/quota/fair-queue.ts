/** Items that wait, in turns: first come first served for each owner, and the owners one after the other. */
export class FairQueue<Owner, Item> {
  readonly #byOwner = new Map<Owner, Item[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Those with something that waits. */
  owners(): Iterable<Owner> {
    return this.#byOwner.keys();
  }

  has(owner: Owner): boolean {
    return this.#byOwner.has(owner);
  }

  /** @param first before everything else of its owner */
  add(owner: Owner, item: Item, first: boolean): void {
    const items = this.#byOwner.get(owner) ?? [];
    if (first) items.unshift(item);
    else items.push(item);
    this.#byOwner.set(owner, items);
    this.#size += 1;
  }

  /** The next. */
  first(): Item | undefined {
    for (const [first] of this.#byOwner.values()) return first;
    return undefined;
  }

  /** The next, which waits no longer. */
  take(): Item | undefined {
    for (const [owner, items] of this.#byOwner) {
      const item = items.shift();
      this.#byOwner.delete(owner);
      if (items.length > 0) this.#byOwner.set(owner, items);
      this.#size -= 1;
      return item;
    }
    return undefined;
  }

  /** Takes one out of turn; false: it was not waiting. */
  remove(owner: Owner, item: Item): boolean {
    const items = this.#byOwner.get(owner) ?? [];
    const index = items.indexOf(item);
    if (index < 0) return false;
    items.splice(index, 1);
    if (items.length === 0) this.#byOwner.delete(owner);
    this.#size -= 1;
    return true;
  }
}
