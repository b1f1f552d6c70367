import type { CallOptions, Calls, Send } from '../../src/connectors/contract/calls.ts';
import { unlimited } from '../../src/connectors/contract/calls.ts';

/** How calls of a test are made. */
export interface CallTerms {
  /** Ends the calls. Default: nothing does. */
  readonly signal?: AbortSignal;
  /** See `Calls.repeatable`. Default true. */
  readonly repeatable?: boolean;
  /**
   * Asked before each request with an effect leaves, with its number among all requests, from 1: what it throws keeps the
   * request from being sent; a promise delays it.
   */
  readonly fence?: (request: number) => void | Promise<void>;
  /** The first request of each call is refused for its rate before it gets anywhere, and made again. Default false. */
  readonly refusesFirst?: boolean;
  /** A call waits until the one before has ended, as with a quota of one call at once. Default false. */
  readonly oneAtOnce?: boolean;
  /** Called when the system has refused a request for its rate, before it is made again. */
  readonly onLimited?: () => void;
}

/** What has become of recorded calls so far. */
export interface CallLog {
  /** How often `make` was called. */
  readonly made: number;
  /** Requests that left. */
  readonly sent: number;
  /** Requests, sent or not, that were refused for their rate. */
  readonly limited: number;
  /** The numbers of the requests that left and had an effect, as connectors say by `CallOptions.effect`. */
  readonly effects: readonly number[];
}

/** Calls that a test can count, refuse, delay and end. */
export interface RecordedCalls extends Calls {
  readonly log: CallLog;
}

/** A system that refuses one call so often refuses it for ever. */
const mostTries = 100;

/**
 * Makes calls as the runtime does, but for waiting: what is refused for its rate is made again at once.
 *
 * ```ts
 * const calls = recordedCalls({ fence: () => { throw new Error('not mine any more'); } });
 * await expect(destination.write(operations, calls)).rejects.toThrow('not mine any more');
 * expect(calls.log.sent).toBe(0);
 * ```
 */
export function recordedCalls(terms: CallTerms = {}): RecordedCalls {
  const turn = Promise.resolve();
  return sharing({ made: 0, sent: 0, limited: 0, effects: [], asked: 0, turn }, terms);
}

interface Log extends Mutable<CallLog> {
  effects: number[];
  asked: number;
  /** Ends with the last call so far. */
  turn: Promise<void>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function sharing(log: Log, terms: CallTerms): RecordedCalls {
  const { signal = unlimited.signal, repeatable = true } = terms;
  return {
    signal,
    repeatable,
    log,
    make: (send, options) =>
      inTurn(log, terms, () => make(log, { ...terms, signal }, send, options)),
    until: (other) => sharing(log, { ...terms, signal: AbortSignal.any([signal, other]) }),
  };
}

async function inTurn<T>(
  log: Log,
  { oneAtOnce = false }: CallTerms,
  work: () => Promise<T>,
): Promise<T> {
  if (!oneAtOnce) return work();
  const made = log.turn.then(work);
  log.turn = made.then(
    () => undefined,
    () => undefined,
  );
  return made;
}

async function make<T>(
  log: Log,
  { signal, fence, refusesFirst = false, onLimited }: CallTerms & { readonly signal: AbortSignal },
  send: Send<T>,
  { effect = true }: CallOptions = {},
): Promise<T> {
  log.made += 1;
  for (let tries = 0; tries < mostTries; tries += 1) {
    signal.throwIfAborted();
    log.asked += 1;
    if (effect) await fence?.(log.asked);
    signal.throwIfAborted();
    if (refusesFirst && tries === 0) {
      log.limited += 1;
      continue;
    }
    log.sent += 1;
    if (effect) log.effects.push(log.asked);
    const { value, limits } = await send({ signal, sent: () => undefined });
    if (limits?.limited !== true) return value;
    log.limited += 1;
    onLimited?.();
  }
  throw new Error('the call was refused for its rate for ever');
}
