import type { Answered, CallOptions, Calls, Send } from '../../src/connectors/contract/calls.ts';
import {
  ConfigError,
  LimitedError,
  RejectedError,
  TransientError,
} from '../../src/model/failure.ts';

/** Calls that note in `wire` whether one with an effect has left and was not refused for its rate. */
export function watchedCalls(calls: Calls, wire: { isBusy: boolean }): Calls {
  return {
    ...calls,
    make<T>(send: Send<T>, options?: CallOptions): Promise<T> {
      if (options?.effect === false) return calls.make(send, options);
      return calls.make(async (ends): Promise<Answered<T>> => {
        wire.isBusy = true;
        const answer = await send(ends);
        if (answer.limits?.limited === true) wire.isBusy = false;
        return answer;
      }, options);
    },
    until: (signal) => watchedCalls(calls.until(signal), wire),
  };
}

/** True when a call that failed with this error certainly changed nothing. */
export function isWithoutEffect(error: unknown): boolean {
  if (error instanceof ConfigError) return error.code !== 'unexpected_answer';
  if (error instanceof TransientError) return error.code === 'unreachable';
  return error instanceof LimitedError || error instanceof RejectedError;
}
