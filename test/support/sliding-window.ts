/** A strict quota: at most `requests` calls in any window of `perMs`; a refused call does not count. */
export class SlidingWindow {
  readonly #requests: number;
  readonly #perMs: number;
  #taken: number[] = [];

  constructor(requests: number, perMs: number) {
    this.#requests = requests;
    this.#perMs = perMs;
  }

  /** Takes one call; says whether it is allowed, how many are left and when the next one is. */
  take(now: number): { allowed: boolean; remaining: number; waitMs: number } {
    this.#taken = this.#taken.filter((time) => time > now - this.#perMs);
    const allowed = this.#taken.length < this.#requests;
    if (allowed) this.#taken.push(now);
    const oldest = this.#taken[0] ?? now;
    return {
      allowed,
      remaining: this.#requests - this.#taken.length,
      waitMs: Math.max(0, oldest + this.#perMs - now),
    };
  }
}
