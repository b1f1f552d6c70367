import type { Bucket } from '../../model/quota.ts';
import { windowOf } from './current-rate.ts';
import { fairShares } from './fair-shares.ts';
import type { QuotaState, Share } from './quota-state.ts';

/** Permits: the right of a worker to have so many calls under way at once. */

/** A worker that has not asked for this long is gone, and its permits are free. Milliseconds. */
export const workerTtlMs = 3_000;
/**
 * Calls at once where nothing is declared: at first, at most, and how many more per second of need; before the first
 * refusal as many more as there are.
 */
const concurrent = { first: 8, most: 128, perSecond: 8 };

/** A worker's request for permits. */
interface Asking {
  readonly worker: string;
  readonly waiting: number;
  readonly inFlight: number;
  /** Its calls per millisecond over the last second. */
  readonly rate: number;
}

/** Gives the worker its fair share of the permits, as far as the others have let go of theirs. */
export function permit(
  before: QuotaState,
  asking: Asking,
  quota: Bucket,
  now: number,
): { state: QuotaState; permits: number | null } {
  const { worker, waiting, inFlight, rate } = asking;
  const state = grown(before, waiting, quota, now);
  const most = mostAtOnce(state, quota);
  const mine = { wants: waiting + inFlight, waiting, held: 0, rate, until: now + workerTtlMs };
  const workers: Record<string, Share> = { ...state.workers, [worker]: mine };
  const permits = most === null ? null : freePermits(workers, worker, most, now);
  workers[worker] = { ...mine, held: Math.max(inFlight, permits ?? 0) };
  if (mine.wants === 0) delete workers[worker];
  return { state: { ...state, workers }, permits };
}

function freePermits(
  workers: Record<string, Share>,
  worker: string,
  most: number,
  now: number,
): number {
  const names = Object.keys(workers).toSorted();
  const wants = names.map((name) => workers[name]?.wants ?? 0);
  const fair = fairShares(wants, most, Math.floor(now / 1000))[names.indexOf(worker)] ?? 0;
  const others = heldBy(workers);
  return Math.max(0, Math.min(fair, most - others));
}

/** Most calls under way over all workers; null: any number, a known rate is limit enough. */
export function mostAtOnce(state: QuotaState, quota: Bucket): number | null {
  const { concurrency } = quota;
  if (windowOf(state, quota) !== null) return concurrency ?? null;
  const most = concurrency ?? concurrent.most;
  return Math.min(most, state.concurrency?.most ?? concurrency ?? concurrent.first);
}

/** Additive increase, while somebody waits for want of permits. */
function grown(state: QuotaState, waiting: number, quota: Bucket, now: number): QuotaState {
  const most = mostAtOnce(state, quota);
  if (most === null) return state;
  const at = state.concurrency?.at ?? now;
  const held = heldBy(state.workers);
  if (waiting === 0 || held < most) {
    return { ...state, concurrency: { most, at: Math.max(at, now) } };
  }
  const seconds = Math.min(1, Math.max(0, now - at) / 1000);
  const more = Math.floor(seconds * (state.cut === null ? most : concurrent.perSecond));
  if (more === 0) return { ...state, concurrency: { most, at } };
  return { ...state, concurrency: { most: most + more, at: now } };
}

function heldBy(workers: QuotaState['workers']): number {
  return Object.values(workers).reduce((total, { held }) => total + held, 0);
}
