/** How many calls a system allows. */
export interface Quota {
  /** Calls per `perMs`. Undefined: no rate is declared, only what the answers say counts. */
  readonly requests?: number;
  /** Length of the window in milliseconds. */
  readonly perMs?: number;
  /** Most calls under way at once over all workers. */
  readonly concurrency?: number;
}

/** What an answer said about the caller's quota. */
export interface LimitInfo {
  /** The call was refused for being one too many (429 or the vendor's equal). */
  readonly limited?: boolean;
  /** How long to wait, in milliseconds, if the answer said so. */
  readonly retryAfterMs?: number;
  /** Calls left in the current window. */
  readonly remaining?: number;
  /** Milliseconds until the window starts afresh. */
  readonly resetMs?: number;
}

/** Shares a connection's quota among all workers (R9). */
export interface Throttle {
  /**
   * Makes one call when the quota allows it. Short waits are slept through; for a long one it throws
   * `LimitedError` before the call is made.
   * @param call makes the call and says what the answer told about the quota
   */
  call<T>(call: () => Promise<{ value: T; limits?: LimitInfo }>): Promise<T>;
}

/** Lets every call through at once; for systems without a quota. */
export const unlimited: Throttle = {
  async call(call) {
    return (await call()).value;
  },
};
