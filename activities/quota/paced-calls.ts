import { setMaxListeners } from 'node:events';
import type { Answered, CallOptions, Calls, Send } from '../../src/connectors/contract/calls.ts';
import { abortedByEither, withTimeLimit } from '../../src/model/abort.ts';
import type { Pacer, Caller } from './pacer.ts';

/** A call is prepared (fence, journal) this long before its moment. Milliseconds. */
const preparationMs = 60;

/** The terms on which the calls of one piece of work are made. */
export interface CallTerms {
  /** Aborted when the work is stopped: nothing is sent any more. */
  readonly signal: AbortSignal;
  /** Cuts what is on the wire. Default: `signal`. */
  readonly patience?: AbortSignal;
  /** See `Calls.repeatable`. Default true. */
  readonly repeatable?: boolean;
  /**
   * Asked shortly before each call with an effect leaves, anew for each: what it throws keeps the call from being sent.
   * The fence of a chunk (R6) and the note in its journal stand here.
   */
  readonly fence?: () => Promise<void>;
  /**
   * Longest that somebody waits for a call's turn, who is told of a limit rather than kept waiting. Milliseconds; default:
   * short waits are slept through, and a call that was refused for its rate is made again.
   */
  readonly mostWaitMs?: number;
}

/** Makes the calls of one run to one connection, on the terms of each piece of work. */
export type MakeCalls = (terms: CallTerms) => Calls;

/**
 * Calls that wait for their turn.
 * @param pacerOf the pacer of a bucket; null where the system limits nobody
 * @param caller waits in the pacers' queues
 */
export function pacedCalls(
  pacerOf: (bucket: string) => Pacer | null,
  caller: Caller,
  terms: CallTerms,
): Calls {
  const { signal, patience = signal, repeatable = true, mostWaitMs } = terms;
  // Hundreds of calls may wait at once, each until the signal.
  setMaxListeners(0, signal);
  return {
    signal,
    repeatable,
    async make<T>(
      send: Send<T>,
      { bucket = 'default', effect = true }: CallOptions = {},
    ): Promise<T> {
      const fence = effect ? terms.fence : undefined;
      const pacer = pacerOf(bucket);
      if (pacer === null) return (await sendAtOnce(send, { signal, patience, fence })).value;
      return sendInTurn(pacer, caller, send, { signal, patience, fence, mostWaitMs });
    },
    until(other) {
      const ended = abortedByEither(signal, other);
      const cut = abortedByEither(patience, other);
      return pacedCalls(pacerOf, caller, { ...terms, signal: ended, patience: cut });
    },
  };
}

type Terms = Required<Pick<CallTerms, 'signal' | 'patience'>> & {
  readonly fence: CallTerms['fence'];
  readonly mostWaitMs?: CallTerms['mostWaitMs'];
};

async function sendAtOnce<T>(
  send: Send<T>,
  { signal, patience, fence }: Terms,
): Promise<Answered<T>> {
  signal.throwIfAborted();
  await fence?.();
  return send({ signal: patience, sent: () => undefined });
}

async function sendInTurn<T>(
  pacer: Pacer,
  caller: Caller,
  send: Send<T>,
  { signal, patience, fence, mostWaitMs }: Terms,
): Promise<T> {
  const leadMs = fence === undefined ? 0 : preparationMs;
  for (let again = false; ; again = true) {
    const turnUntil = (until: AbortSignal) => pacer.turn(caller, { again, leadMs, signal: until });
    const waiting =
      mostWaitMs === undefined ? turnUntil(signal) : withTimeLimit(mostWaitMs, signal, turnUntil);
    const turn = await waiting.catch((error: unknown) => {
      // A wait that was ended is no wait that was too long.
      signal.throwIfAborted();
      throw error;
    });
    try {
      signal.throwIfAborted();
      await fence?.();
      if (!(await turn.due())) continue;
      const { value, limits } = await send({ signal: patience, sent: () => turn.sent() });
      await turn.answered(limits);
      if (limits?.limited !== true || mostWaitMs !== undefined) return value;
    } finally {
      turn.done();
    }
  }
}
