/** A strict quota: at most `requests` calls in any window of `perMs`; a refused call does not count. */
export class SlidingWindow {
  readonly #requests: number;
  readonly #perMs: number;
  readonly #taken: number[] = [];

  /** @param taken the times of calls that count already, in order */
  constructor(requests: number, perMs: number, taken: readonly number[] = []) {
    this.#requests = requests;
    this.#perMs = perMs;
    this.#taken.push(...taken);
  }

  /** The times of the calls that count. */
  get taken(): readonly number[] {
    return this.#taken;
  }

  /** Takes one call; tells whether it is allowed, how many are left, and when the next one is allowed. */
  take(now: number): { allowed: boolean; remaining: number; waitMs: number } {
    const over = this.#taken.findIndex((time) => time > now - this.#perMs);
    this.#taken.splice(0, over < 0 ? this.#taken.length : over);
    const allowed = this.#taken.length < this.#requests;
    if (allowed) this.#taken.push(now);
    const remaining = Math.max(0, this.#requests - this.#taken.length);
    // After the quota was lowered, more than one call must leave the window first.
    const freeing = this.#taken[Math.max(0, this.#taken.length - this.#requests)] ?? now;
    return { allowed, remaining, waitMs: Math.max(0, freeing + this.#perMs - now) };
  }
}
