import type { Cursor } from '../source.ts';
import type { ApiPage } from './pages.ts';

/** Pages of a list, some asked for before their turn has come. */
export class PagesAhead {
  readonly #read: (cursor: Cursor | null) => Promise<ApiPage>;
  readonly #coming = new Map<Cursor, Promise<ApiPage>>();

  constructor(read: (cursor: Cursor | null) => Promise<ApiPage>) {
    this.#read = read;
  }

  /** Whether no page is on its way. */
  get isEmpty(): boolean {
    return this.#coming.size === 0;
  }

  /** Asks for those of these pages that are not on their way, until as many are. */
  ask(cursors: readonly Cursor[]): void {
    for (const cursor of cursors) {
      if (this.#coming.size >= cursors.length) return;
      if (this.#coming.has(cursor)) continue;
      const page = this.#read(cursor);
      // A failure is told when the page's turn has come, which may be never.
      page.catch(() => undefined);
      this.#coming.set(cursor, page);
    }
  }

  /** The page at `cursor`. Where it was not asked for, neither will those be needed that were. */
  take(cursor: Cursor | null): Promise<ApiPage> {
    const page = cursor === null ? undefined : this.#coming.get(cursor);
    if (page === undefined || cursor === null) {
      this.#coming.clear();
      return this.#read(cursor);
    }
    this.#coming.delete(cursor);
    return page;
  }
}
