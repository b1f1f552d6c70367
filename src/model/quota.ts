/** How many calls a system allows. */
export interface Quota {
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
