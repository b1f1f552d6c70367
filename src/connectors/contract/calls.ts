import { abortedByEither } from '../../model/abort.ts';
import type { LimitInfo } from '../../model/quota.ts';

/**
 * The one thing through which a connector makes calls to its system. The runtime hands it to every method that may make
 * one; it holds the connection's quota (R9), the fence of the chunk that is written (R6), the journal, and the abort.
 *
 * ```ts
 * const rows = await calls.make(async ({ signal }) => {
 *   const response = await fetch(address, { signal });
 *   return { value: await response.json(), limits: limitsOf(response) };
 * });
 * ```
 */
export interface Calls {
  /** Aborted when nobody wants an answer any more: loops between two calls end then. */
  readonly signal: AbortSignal;
  /**
   * False: a call whose answer is lost may have taken effect and must not be made again, such as a create without an
   * idempotency key. The runtime notes such a call in the journal before it leaves, if it has an effect.
   */
  readonly repeatable: boolean;
  /**
   * Makes one call when the quota allows it, and again when the answer says that it was refused for being one too many.
   * Short waits are slept through. The call takes a place among the calls under way until `send` has ended, so nothing
   * that makes calls itself may be waited for in there: with a quota of one call at once it would wait for itself.
   * @throws LimitedError when the wait is long; the reason of `signal`; what the fence throws. The call was not sent then
   * @throws whatever `send` throws
   */
  make<T>(send: Send<T>, options?: CallOptions): Promise<T>;
  /** The same calls, ended by a further signal too. */
  until(signal: AbortSignal): Calls;
}

/** How one call is made. */
export interface CallOptions {
  /** The bucket of the connection's quota that the call draws on. Default `default`. */
  readonly bucket?: string;
  /**
   * False: the call changes nothing that counts. It reads, or it prepares what only a later call of the same work starts,
   * such as the upload of a job's records before the job is started. Such a call asks no fence and is not noted in the
   * journal, and its lost answer leaves nothing in doubt. Default true.
   */
  readonly effect?: boolean;
}

/** Sends one request and reads its answer. Called again where the answer was `limited`. */
export type Send<T> = (wire: Wire) => Promise<Answered<T>>;

/** What a request on its way needs. */
export interface Wire {
  /** Cuts the request. Later than `Calls.signal`: the answer to a write is worth some patience. */
  readonly signal: AbortSignal;
  /** Tells that the request leaves just now, where that may be later than the call of `Send`. May be left out. */
  sent(): void;
}

/** An answer, and what it said about the quota. */
export interface Answered<T> {
  readonly value: T;
  readonly limits?: LimitInfo;
}

const never = new AbortController().signal;

/** Lets every call through at once: for systems that limit nobody. */
export const unlimited: Calls = unlimitedUntil(never);

/** Lets every call through at once until `signal` is aborted. */
export function unlimitedUntil(signal: AbortSignal): Calls {
  return {
    signal,
    repeatable: true,
    async make(send) {
      signal.throwIfAborted();
      return (await send({ signal, sent: () => undefined })).value;
    },
    until: (other) => unlimitedUntil(abortedByEither(signal, other)),
  };
}
