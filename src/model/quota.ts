/**
 * The calls that a system allows, by the names of its buckets: a call draws on the one it names, else on `default`.
 * A bucket that is not declared is paced by what its answers say. Example: `{ default: { requests: 100, perMs: 10_000 },
 * search: { requests: 4 } }`.
 */
export type Quota = Readonly<Record<string, Bucket>>;

/** How many calls of one kind a system allows. */
export interface Bucket {
  /** Calls per `perMs`. Undefined: no rate is declared, only what the answers say counts. */
  readonly requests?: number;
  /** Length of the window in milliseconds. Default 1000. */
  readonly perMs?: number;
  /** Most calls under way at once over all workers. */
  readonly concurrency?: number;
}

/** What an answer said about the caller's quota. */
export interface LimitInfo {
  /** The call was refused for being one too many, had no effect, and may be made again. */
  readonly limited?: boolean;
  /** How long nobody should call, in milliseconds, if the answer said so. */
  readonly retryAfterMs?: number;
  /** Calls left in the current window. */
  readonly remaining?: number;
  /** Milliseconds until the window starts afresh. */
  readonly resetMs?: number;
  /** The quota itself, where the answers carry it (`RateLimit-Policy`). */
  readonly policy?: { readonly requests: number; readonly perMs: number };
}
