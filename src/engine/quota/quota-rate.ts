/** Rates are calls per millisecond, times milliseconds. */

/** By how much calls may reach an API closer together than they were sent: a share of the window, and at most. */
export const jitter = { share: 0.022, mostMs: 22 };

/** The speed at which a rate grows again after a decrease: per cubic second, as a share of the rate before. */
const growth = 0.008;

/** A rate that a refusal has brought down. */
export interface Cut {
  /** The time from which calls may go again: the growth counts from here. */
  readonly at: number;
  /** The rate to stay at for a while: a little below the one that was refused. */
  readonly from: number;
  /** The rate to go on with. */
  readonly to: number;
}

/**
 * The rate whose evenly spaced calls keep a strict window: of `requests` + 1 successive calls the last comes
 * `perMs` and the jitter after the first, wherever the window begins.
 */
export function windowRate({ requests, perMs }: { requests: number; perMs: number }): number {
  return requests / (perMs + Math.min(jitter.share * perMs, jitter.mostMs));
}

/**
 * The rate that may be tried now. As TCP's CUBIC: quickly back to near the rate that was refused, a plateau below it, then
 * faster and faster beyond. A function of time alone, so that all workers agree on it without a word.
 */
export function rateAfter({ at, from, to }: Cut, now: number): number {
  const seconds = Math.max(0, now - at) / 1000;
  const plateau = Math.cbrt((1 - to / from) / growth);
  return from * (1 + growth * (seconds - plateau) ** 3);
}
