import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { bugFailure, knownFailure } from './classify.ts';
import { stateOutage } from '../../src/store/database/outage.ts';

/**
 * Passes on what an activity has classed itself; of anything else only kind and place go on, as Temporal would keep
 * message, cause and all (R1). It is tried again, without end: such an activity only notes what has happened.
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
