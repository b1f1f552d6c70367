import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { bugFailure, knownFailure } from './classify.ts';
import { stateOutage } from '../../src/store/database/outage.ts';

/**
 * Wraps activities so that no failure carries content (R1): Temporal would keep an error's message and cause. A failure
 * that the activity has classed itself passes; another error keeps only its name and place. Such a failure is retried
 * without end, which suits activities that only note something.
 */
export function withSafeFailures<A extends object>(activities: A): A {
  const entries = Object.entries(activities) as [string, (input: unknown) => Promise<unknown>][];
  return Object.fromEntries(
    entries.map(([name, run]) => [
      name,
      async (input: unknown) => {
        try {
          return await run(input);
        } catch (error) {
          if (error instanceof CancelledFailure || error instanceof ApplicationFailure) throw error;
          const outage = stateOutage(error);
          throw outage === undefined ? bugFailure(error) : knownFailure(outage);
        }
      },
    ]),
  ) as A;
}
