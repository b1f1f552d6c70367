/**
 * The calls that a system allows, by the names of its buckets: a call draws on the one it names, else on `default`.
 * A bucket that is not declared is paced by what its answers say.
 *
 * ```ts
 * // HubSpot: a search counts in the day's quota, and has a rate of its own.
 * const day = { requests: 500_000, resets: { timezone: 'Europe/Berlin' } };
 * const quota: Quota = {
 *   default: { requests: 190, perMs: 10_000, long: { day } },
 *   search: { requests: 4, long: { day } },
 * };
 * ```
 */
export type Quota = Readonly<Record<string, Bucket>>;

/** The calls of one kind that a system allows. */
export interface Bucket {
  /**
   * Calls per `perMs`; they are spaced evenly. Of several short windows the slowest: it keeps the others too. Undefined: no
   * rate is declared, only what the answers say counts.
   */
  readonly requests?: number;
  /** Length of the window in milliseconds. Default 1000. */
  readonly perMs?: number;
  /** Most calls under way at once over all workers. */
  readonly concurrency?: number;
  /**
   * Windows of more than a minute, such as a day's quota, by name. Their calls are counted and not spaced: they go as fast
   * as `requests` lets them until the count is used up, and then the run waits for the window. Windows of one name are one
   * window, whichever buckets of the connection draw on it.
   */
  readonly long?: Readonly<Record<string, LongWindow>>;
}

/** A window whose calls are counted: `{ requests: 50_000, resets: { timezone: 'America/Chicago' } }`. */
export interface LongWindow {
  /** Calls that the system allows in all to the account. Counts until an answer tells the real number. */
  readonly requests: number;
  /** Length in milliseconds, more than a minute. Default: a day. */
  readonly perMs?: number;
  /** The time at which a day's quota starts afresh. Default: it rolls, and each call counts for `perMs`. */
  readonly resets?: Reset;
  /** The share of the calls that is left to others who use the account, from 0 to less than 1. Default 0. */
  readonly keep?: number;
}

/** A time of each day. */
export interface Reset {
  /** An IANA time zone, such as `America/Chicago`. */
  readonly timezone: string;
  /** Hour and minute there. Default `00:00`. */
  readonly at?: string;
}

/** An answer's words about the caller's quota. */
export interface LimitInfo {
  /** The call was refused for being one too many, had no effect, and may be made again. */
  readonly limited?: boolean;
  /** Nobody should call for so long, if the answer said so. Milliseconds. */
  readonly retryAfterMs?: number;
  /** Calls left in the current window. */
  readonly remaining?: number;
  /** Milliseconds until the window starts afresh. */
  readonly resetMs?: number;
  /** The quota itself, where the answers carry it (`RateLimit-Policy`). */
  readonly policy?: { readonly requests: number; readonly perMs: number };
  /**
   * The state of the bucket's long windows, by their names: it corrects the count, since others may use the account
   * too. A call that was `limited` where nothing of a long window is left waits for that window.
   */
  readonly long?: Readonly<Record<string, LongWindowInfo>>;
}

/** An answer's words about a long window: `{ used: 18, requests: 5000 }` or `{ remaining: 0 }`. */
export interface LongWindowInfo {
  /** Calls that count in the window, whoever made them. */
  readonly used?: number;
  /** Calls left, in place of `used`. */
  readonly remaining?: number;
  /** The window's whole quota, if the answer told it. */
  readonly requests?: number;
  /** Milliseconds until the window has room again, if the answer told it. */
  readonly resetMs?: number;
}
