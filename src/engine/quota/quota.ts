import type { Bucket, LimitInfo } from '../../model/quota.ts';
import { learn, rateOf, windowOf } from './current-rate.ts';
import { mostAtOnce, permit } from './permits.ts';
import { fresh, type QuotaState } from './quota-state.ts';
import { firstFree, slip, takeSlots } from './slots.ts';

/** A refusal this soon after a pause says that the decrease was too small. Milliseconds. */
const recentMs = 1_000;
/**
 * A rate that was refused falls to a share of itself at once, and stays near another share for a while. A known quota that
 * was not refused for long is most likely right, and the call came early.
 */
const decrease = {
  rare: { to: 0.9, plateau: 0.98 },
  first: { to: 0.7, plateau: 0.9 },
  again: { to: 0.5, plateau: 0.9 },
};
/** Refusals further apart are rare. Milliseconds. */
const rareMs = 30_000;
/** The pause after a refusal that names none; it doubles with each that follows soon. Milliseconds. */
const pauseMs = { first: 1_000, most: 60_000 };
/** No refusal brings the rate below this: pauses do the rest. */
const leastRate = 1 / 10_000;
/** Taken for the rate that was refused where none is known. */
const unknownRate = 1 / 1_000;
/** A worker's request for slots and permits. */
export interface LeaseRequest {
  readonly worker: string;
  /** Slots it could use now, beyond those it has. */
  readonly slots: number;
  /** Slots it has: nobody gets far ahead of the others. */
  readonly held: number;
  readonly waiting: number;
  readonly inFlight: number;
  /** Its calls per millisecond over the last second. */
  readonly rate: number;
  /** `slipped` must reach this, because a call went late: else it and the calls of its window would be too many. */
  readonly slip?: number;
  /** The latest answer's words about the quota. */
  readonly seen?: LimitInfo | undefined;
}

/** Slots and permits that a worker gets. */
export interface Lease {
  /** The times at which it may call. Null: no rate is known, it may call at any time. */
  readonly slots: readonly number[] | null;
  /** Between two slots of all workers, in milliseconds. */
  readonly every: number;
  readonly slipped: number;
  /** Most calls under way in this worker; null: any number. Good until `workerTtlMs` from now. */
  readonly permits: number | null;
  readonly blockedUntil: number;
  readonly round: number;
  /** The time of the next call that is possible, this worker's slots aside. */
  readonly nextAt: number;
  /** From then on it is worth asking again for the slots that were not to be had; null: all were. */
  readonly againAt: number | null;
}

/** Leases slots and permits to a worker. Pure; the caller stores the state. */
export function leaseQuota(
  before: QuotaState | null,
  request: LeaseRequest,
  quota: Bucket,
  now: number,
): { state: QuotaState; lease: Lease } {
  const alive = slip(withoutTheGone(before ?? fresh, now), request.slip, quota, now);
  const known = learn(alive, request.seen, quota, now);
  const { state, permits } = permit(known, request, quota, now);
  const rate = rateOf(state, quota, now);
  const { slots, nextAt, againAt } = takeSlots(state, request, rate, now);
  const { blockedUntil, round, slipped } = state;
  return {
    state: { ...state, nextAt },
    lease: {
      slots,
      every: 1 / rate,
      slipped,
      permits,
      blockedUntil,
      round,
      nextAt: Math.max(nextAt, firstFree(state, now)),
      againAt,
    },
  };
}

/**
 * Notes that a call was refused: nobody calls for a while, then all go on more slowly. At most one decrease a round.
 * @param refusal `round` is that of the refused call, `rate` that of the calls of the worker that made it
 */
export function refuseQuota(
  before: QuotaState | null,
  refusal: {
    readonly round: number;
    readonly retryAfterMs?: number | undefined;
    readonly worker?: string;
    readonly rate?: number;
  },
  quota: Bucket,
  now: number,
): QuotaState {
  const state = before ?? fresh;
  const { round, retryAfterMs } = refusal;
  if (round !== state.round) {
    return { ...state, blockedUntil: Math.max(state.blockedUntil, now + (retryAfterMs ?? 0)) };
  }
  const recent = state.cut !== null && now - state.cut.at < recentMs;
  const strikes = recent ? state.strikes + 1 : 0;
  const wait = retryAfterMs ?? Math.min(pauseMs.most, pauseMs.first * 2 ** strikes);
  const blockedUntil = Math.max(state.blockedUntil, now + wait);
  const rate = finite(rateOf(state, quota, now)) ?? measured(state, refusal);
  const isRare = windowOf(state, quota) !== null && !(state.cut && now - state.cut.at < rareMs);
  const { to: share, plateau } = decrease[isRare ? 'rare' : recent ? 'again' : 'first'];
  const from = Math.max(leastRate, rate * plateau);
  const to = Math.max(leastRate, rate * share);
  const most = mostAtOnce(state, quota);
  return {
    ...state,
    blockedUntil,
    // The first call goes one interval late: calls that were under way when the block began have left the window by then.
    nextAt: blockedUntil + 1 / to,
    round: state.round + 1,
    cut: { at: blockedUntil, from, to },
    strikes,
    concurrency:
      most === null ? null : { most: Math.max(1, Math.floor(most / 2)), at: blockedUntil },
  };
}

function withoutTheGone(state: QuotaState, now: number): QuotaState {
  const alive = Object.entries(state.workers).filter(([, { until }]) => until > now);
  return { ...state, workers: Object.fromEntries(alive) };
}

/** The calls per millisecond of all workers of late; of one of them the rate is known better. */
function measured(
  { workers }: QuotaState,
  { worker, rate = 0 }: { worker?: string; rate?: number },
): number {
  const others = Object.entries(workers).filter(([name]) => name !== worker);
  const all = others.reduce((total, [, share]) => total + share.rate, rate);
  return Math.max(unknownRate, all);
}

function finite(rate: number): number | null {
  return rate === Number.POSITIVE_INFINITY ? null : rate;
}
