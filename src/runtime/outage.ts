import { ServiceError, type Client } from '@temporalio/client';
import { SluiceError, TransientError } from '../model/failure.ts';
import { stateOutage } from '../store/database/outage.ts';

/** gRPC codes that may pass: deadline exceeded, resource exhausted, aborted, unavailable. */
const transientCodes = new Set([4, 8, 10, 14]);

/**
 * Returns the failure of a call to Temporal that was not reached or did not answer in time; undefined for another
 * error.
 */
export function temporalOutage(error: unknown): TransientError | undefined {
  const cause = error instanceof ServiceError ? error.cause : error;
  const { code, details } = (cause ?? {}) as { code?: unknown; details?: unknown };
  if (typeof code !== 'number' || typeof details !== 'string' || !transientCodes.has(code))
    return undefined;
  return new TransientError('temporal_unavailable', 'Temporal does not answer');
}

type Method = (...args: unknown[]) => Promise<unknown>;

/** The longest time for one call of the API, with all of Temporal's attempts. Milliseconds. */
const callMs = 10_000;

/**
 * Wraps a service so that outages are told apart from bugs: they are thrown as `TransientError`. Calls to Temporal that
 * get no answer fail within 10 s.
 */
export function classifyOutages<T extends object>(service: T, client: Client): T {
  return new Proxy(service, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          return await client.withDeadline(Date.now() + callMs, async () =>
            (member as Method).apply(target, args),
          );
        } catch (error) {
          if (error instanceof SluiceError) throw error;
          throw temporalOutage(error) ?? stateOutage(error) ?? error;
        }
      };
    },
  });
}
