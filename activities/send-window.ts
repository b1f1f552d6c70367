import { setTimeout as sleep } from 'node:timers/promises';

/** By how much calls may reach the API closer together than they were sent. Milliseconds. */
const jitterMs = 20;
/** Above this a window is long enough for a bunch of late calls to be lost in it. */
const mostRemembered = 10_000;

/**
 * The calls that this process really sent, against a strict window: a process that stalls wakes up with many
 * slots that are due at once, and sending all of them could be too many for one window.
 */
export class SendWindow {
  readonly #requests: number;
  readonly #perMs: number;
  #sent: number[] = [];

  /** Allows `requests` calls in any `perMs`. */
  constructor(requests: number, perMs: number) {
    this.#requests = requests;
    this.#perMs = perMs + jitterMs;
  }

  /** Settles when one more call fits, which then counts as sent. */
  async pass(): Promise<void> {
    if (this.#requests > mostRemembered) return;
    for (;;) {
      const now = performance.now();
      this.#sent = this.#sent.filter((time) => time > now - this.#perMs);
      const oldest = this.#sent[0];
      if (oldest === undefined || this.#sent.length < this.#requests) {
        this.#sent.push(now);
        return;
      }
      await sleep(Math.max(1, oldest + this.#perMs - now));
    }
  }
}
