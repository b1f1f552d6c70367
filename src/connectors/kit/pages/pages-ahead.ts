import type { Calls } from '../../contract/calls.ts';
import type { Cursor } from '../../contract/page.ts';
import type { ApiPage } from './pages.ts';

/** Pages wait so long for a reader that goes on. Milliseconds. */
const restMs = 30_000;

/** Pages of a list, some asked for before their turn has come. One reader at a time. */
export class PagesAhead {
  /** Which list: pages of another one are of no use. */
  readonly of: string;
  readonly #read: (cursor: Cursor | null, calls: Calls) => Promise<ApiPage>;
  readonly #coming = new Map<Cursor, Promise<ApiPage>>();
  #stop = new AbortController();
  #lapse: NodeJS.Timeout | undefined;
  #failed = false;

  constructor(of: string, read: (cursor: Cursor | null, calls: Calls) => Promise<ApiPage>) {
    this.of = of;
    this.#read = read;
  }

  /** Asks for those of these pages that are not on their way, until as many are. */
  ask(cursors: readonly Cursor[], calls: Calls): void {
    for (const cursor of cursors) {
      if (this.#coming.size >= cursors.length) return;
      if (this.#coming.has(cursor)) continue;
      const page = this.#read(cursor, calls.until(this.#stop.signal));
      // A failure is told when the page's turn has come, which may be never.
      page.catch(() => (this.#failed = true));
      this.#coming.set(cursor, page);
    }
  }

  /** The page at `cursor`. Where it was not asked for, neither will those be needed that were. */
  take(cursor: Cursor | null, calls: Calls): Promise<ApiPage> {
    const page = cursor === null ? undefined : this.#coming.get(cursor);
    if (page !== undefined && cursor !== null) {
      this.#coming.delete(cursor);
      return page;
    }
    this.drop();
    return this.#read(cursor, calls.until(this.#stop.signal));
  }

  /** Calls off what is on its way. */
  drop(reason?: unknown): void {
    this.#stop.abort(reason);
    this.#stop = new AbortController();
    this.#coming.clear();
    this.#failed = false;
  }

  /** Tells that nobody reads for now: pages that were asked for wait a while for a reader that goes on. */
  rest(): void {
    this.#lapse = setTimeout(() => this.drop(), restMs).unref();
  }

  /** A reader goes on. What failed meanwhile is of the past. */
  goOn(): void {
    clearTimeout(this.#lapse);
    if (this.#failed) this.drop();
  }
}
