import type { Quota, Throttle } from '../src/connectors/throttle.ts';
import { LimitedError } from '../src/model/failure.ts';
import type { Quotas } from '../src/store/quotas.ts';
import { SendWindow } from './send-window.ts';

/** Longer waits leave the worker. Milliseconds. */
const longestSleepMs = 20_000;
/** How far ahead a slot is taken: a wait that a block overtakes is at most this long. */
const horizonMs = 1_000;
/** What a refusal without a delay waits. */
const defaultBlockMs = 1_000;
/** A delay said by a server is never believed beyond this. */
const longestBlockMs = 24 * 3_600_000;

/** Shares a connection's quota with all workers through the state database (R9). */
export function sharedThrottle(
  quotas: Quotas,
  connection: string,
  quota: Quota | undefined,
): Throttle {
  const intervalMs = quota?.requests === undefined ? 0 : (quota.perMs ?? 1000) / quota.requests;
  const slots = new Semaphore(quota?.concurrency ?? 16);
  const window =
    quota?.requests === undefined ? undefined : new SendWindow(quota.requests, quota.perMs ?? 1000);
  let registered: Promise<void> | undefined;

  const turn = async (): Promise<void> => {
    await (registered ??= quotas.register(connection));
    for (;;) {
      const { waitMs, taken } = await quotas.reserve(connection, intervalMs, horizonMs);
      if (taken && waitMs > 0) await sleep(waitMs);
      if (taken) return window?.pass();
      if (waitMs > longestSleepMs)
        throw new LimitedError('waiting for the quota', waitMs, { connection });
      await sleep(Math.max(10, waitMs - horizonMs / 2));
    }
  };

  return {
    async call(make) {
      const release = await slots.acquire();
      try {
        await turn();
        const { value, limits } = await make();
        if (limits?.remaining === 0 && limits.resetMs !== undefined) {
          await quotas.block(connection, Math.min(limits.resetMs, longestBlockMs));
        }
        return value;
      } catch (error) {
        if (error instanceof LimitedError) {
          await quotas.block(
            connection,
            Math.min(error.retryAfterMs ?? defaultBlockMs, longestBlockMs),
          );
        }
        throw error;
      } finally {
        release();
      }
    },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  async acquire(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }
}
