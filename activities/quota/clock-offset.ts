import type { Decided } from '../../src/store/quotas.ts';

/** Readings that are kept. */
const kept = 20;

/** Translates between the state database's clock and this process's: workers must agree on the time of a slot. */
export class ClockOffset {
  readonly #readings: { readonly offset: number; readonly error: number }[] = [];

  add({ at, from, to }: Decided<unknown>['clock']): void {
    this.#readings.push({ offset: at - (from + to) / 2, error: to - from });
    if (this.#readings.length > kept) this.#readings.shift();
  }

  /** The time `at` of the database's clock, as `performance.now()` will tell it. */
  local(at: number): number {
    // The quickest answer is the surest.
    const best = this.#readings.reduce((a, b) => (b.error < a.error ? b : a));
    return at - best.offset;
  }
}
