import type { LimitInfo } from '../../model/quota.ts';

export type { LimitInfo, Quota } from '../../model/quota.ts';

/** Shares a connection's quota among all workers (R9). */
export interface Throttle {
  /**
   * Makes one call when the quota allows it, and again when the answer says that it was refused for being one too
   * many. Short waits are slept through.
   * @param call makes the call and says what the answer told about the quota; it may tell when the call left
   * @param prepare is done shortly before the call's moment, anew for each; what it throws keeps the call from being made
   * @param signal ends the wait for the quota: nobody wants the call any more
   * @throws LimitedError when the wait is long or the work is cancelled: the call had no effect then
   */
  call<T>(
    call: (sent: () => void) => Promise<{ value: T; limits?: LimitInfo }>,
    prepare?: () => Promise<void>,
    signal?: AbortSignal,
  ): Promise<T>;
}

/** Lets every call through at once; for systems without a quota. */
export const unlimited: Throttle = {
  async call(call, prepare) {
    await prepare?.();
    return (await call(() => undefined)).value;
  },
};
