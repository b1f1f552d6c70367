import type { Bucket, LimitInfo } from '../../model/quota.ts';
import { fairShares } from './fair-shares.ts';
import { type Cut, rateAfter, windowRate } from './quota-rate.ts';

/** A worker that has not asked for this long is gone, and its permits are free. Milliseconds. */
export const workerTtlMs = 3_000;
/** How far ahead slots are taken: at least, for each worker, and at most. Milliseconds. */
const horizonMs = { least: 200, each: 60, most: 5_000 };
/** Workers tell of calls that went late within this time. Milliseconds. */
const reportMs = 200;
/** A refusal this soon after a pause says that the decrease was too small. Milliseconds. */
const recentMs = 1_000;
/**
 * What becomes of a rate that was refused: at once, and for a while after. A known quota that was not refused for long
 * is most likely right, and the call came early.
 */
const decrease = {
  rare: { to: 0.9, plateau: 0.98 },
  first: { to: 0.7, plateau: 0.9 },
  again: { to: 0.5, plateau: 0.9 },
};
/** Refusals further apart are rare. Milliseconds. */
const rareMs = 30_000;
/** What a refusal without a delay waits; it doubles with each that follows soon. Milliseconds. */
const pauseMs = { first: 1_000, most: 60_000 };
/** No refusal brings the rate below this: pauses do the rest. */
const leastRate = 1 / 10_000;
/** What is taken for the rate that was refused where none is known. */
const unknownRate = 1 / 1_000;
/** A rate that has grown this far beyond the one that was refused is no limit any more. */
const forgottenAt = 64;
/** Calls left are spread over the time until the reset, looking this far ahead at most. Milliseconds. */
const spreadMs = { least: 200, most: 60_000 };
/**
 * Calls at once where nothing is declared: at first, at most, and how many more per second of need; before the first
 * refusal as many more as there are.
 */
const concurrent = { first: 8, most: 128, perSecond: 8 };
/** Servers round times up to whole seconds. Milliseconds. */
const roundingMs = 1_000;

type Window = NonNullable<LimitInfo['policy']>;

/** What one worker has of a connection's quota. */
interface Share {
  /** Calls that wait or are under way. */
  readonly wants: number;
  readonly waiting: number;
  /** Permits that it may be using. */
  readonly held: number;
  /** Its calls per millisecond of late. */
  readonly rate: number;
  /** When it counts as gone. */
  readonly until: number;
}

/** A connection's quota as all workers share it. Times are milliseconds of the state database's clock. */
export interface QuotaState {
  /** The next free slot. */
  readonly nextAt: number;
  /** By how much the slots were put back in all, for calls that went late. */
  readonly slipped: number;
  /** By how much they will have been put back in all at the next lease from `at` on. */
  readonly owed: { readonly to: number; readonly at: number } | null;
  /** Nobody calls before then. */
  readonly blockedUntil: number;
  /** Grows with every decrease: a refusal of a call of an earlier round says nothing new. */
  readonly round: number;
  readonly cut: Cut | null;
  /** Decreases in quick succession. */
  readonly strikes: number;
  readonly policy: Window | null;
  readonly left: { readonly calls: number; readonly until: number } | null;
  /** Calls at once that the answers have taught; counts only where no rate is known. */
  readonly concurrency: { readonly most: number; readonly at: number } | null;
  readonly workers: Readonly<Record<string, Share>>;
}

/** What a worker asks for. */
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
  /** What `slipped` must reach, because a call went late: else it and the calls of its window would be too many. */
  readonly slip?: number;
  /** What the latest answer said. */
  readonly seen?: LimitInfo | undefined;
}

/** What a worker gets. */
export interface Lease {
  /** When it may call. Null: no rate is known, it may call at any time. */
  readonly slots: readonly number[] | null;
  /** Between two slots of all workers, in milliseconds. */
  readonly every: number;
  readonly slipped: number;
  /** Most calls under way in this worker; null: any number. Good until `workerTtlMs` from now. */
  readonly permits: number | null;
  readonly blockedUntil: number;
  readonly round: number;
  /** When the next call is possible, this worker's slots aside. */
  readonly nextAt: number;
  /** When it is worth asking again for the slots that were not to be had; null: all were. */
  readonly againAt: number | null;
}

const fresh: QuotaState = {
  nextAt: 0,
  slipped: 0,
  owed: null,
  blockedUntil: 0,
  round: 0,
  cut: null,
  strikes: 0,
  policy: null,
  left: null,
  concurrency: null,
  workers: {},
};

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
    // One interval late: what was under way when the block began has left the window by then.
    nextAt: blockedUntil + 1 / to,
    round: state.round + 1,
    cut: { at: blockedUntil, from, to },
    strikes,
    concurrency:
      most === null ? null : { most: Math.max(1, Math.floor(most / 2)), at: blockedUntil },
  };
}

/** Calls per millisecond that may be made now; Infinity: nothing is known. */
function rateOf(state: QuotaState, quota: Bucket, now: number): number {
  const { cut, left } = state;
  const window = windowOf(state, quota);
  let rate = window === null ? Number.POSITIVE_INFINITY : windowRate(window);
  if (window === null && left !== null) rate = rateLeft(state, left, now);
  if (cut === null) return rate;
  const tried = rateAfter(cut, now);
  return tried > forgottenAt * cut.from ? rate : Math.min(rate, tried);
}

/** The declared quota, or the one that the answers carry. */
function windowOf({ policy }: QuotaState, quota: Bucket): Window | null {
  const { requests, perMs = 1000 } = quota;
  return requests === undefined ? policy : { requests, perMs };
}

function rateLeft(
  { workers }: QuotaState,
  left: { calls: number; until: number },
  now: number,
): number {
  // The answers do not yet count the calls that are under way.
  const underWay = sum(Object.values(workers), ({ wants, waiting }) => wants - waiting);
  const over = Math.min(spreadMs.most, Math.max(spreadMs.least, left.until - now));
  return Math.max(0, left.calls - underWay) / over;
}

/** Takes in what an answer said. A declared rate is not overruled by what is left of a window no longer than its own. */
function learn(
  state: QuotaState,
  seen: LimitInfo | undefined,
  quota: Bucket,
  now: number,
): QuotaState {
  const lapsed = state.left !== null && state.left.until <= now ? { ...state, left: null } : state;
  if (seen === undefined) return lapsed;
  const { remaining, resetMs } = seen;
  const policy =
    seen.policy !== undefined && seen.policy.perMs <= spreadMs.most ? seen.policy : state.policy;
  const next = { ...lapsed, policy };
  if (remaining === undefined || resetMs === undefined) return next;
  const window = windowOf(next, quota);
  if (window === null) {
    const until = now + Math.max(spreadMs.least, resetMs);
    return { ...next, left: { calls: remaining, until } };
  }
  const longer = resetMs > window.perMs + roundingMs;
  if (remaining > 0 || !longer) return next;
  return { ...next, blockedUntil: Math.max(next.blockedUntil, now + resetMs) };
}

/**
 * Puts the slots back for calls that went late. Not at once: a gap anywhere in the window after a late call makes up for
 * it, so that one gap may do for many.
 */
function slip(state: QuotaState, to = 0, quota: Bucket, now: number): QuotaState {
  // A row of an earlier version has none.
  let owed = state.owed ?? null;
  if (to > Math.max(state.slipped, owed?.to ?? 0)) {
    const perMs = windowOf(state, quota)?.perMs ?? 0;
    const patience = 0.9 * perMs - reportMs - horizonOf(state, 1 / rateOf(state, quota, now));
    owed = { to, at: owed?.at ?? now + Math.max(0, patience) };
  }
  if (owed === null || now < owed.at) return { ...state, owed };
  const nextAt = state.nextAt + Math.max(0, owed.to - state.slipped);
  return { ...state, nextAt, slipped: Math.max(owed.to, state.slipped), owed: null };
}

function withoutTheGone(state: QuotaState, now: number): QuotaState {
  const alive = Object.entries(state.workers).filter(([, { until }]) => until > now);
  return { ...state, workers: Object.fromEntries(alive) };
}

/** Gives the worker its fair share of the permits, as far as the others have let go of theirs. */
function permit(
  before: QuotaState,
  { worker, waiting, inFlight, rate }: LeaseRequest,
  quota: Bucket,
  now: number,
): { state: QuotaState; permits: number | null } {
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
  const others = sum(Object.values(workers), ({ held }) => held);
  return Math.max(0, Math.min(fair, most - others));
}

/** Most calls under way over all workers; null: any number, a known rate is limit enough. */
function mostAtOnce(state: QuotaState, quota: Bucket): number | null {
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
  const held = sum(Object.values(state.workers), (share) => share.held);
  if (waiting === 0 || held < most) {
    return { ...state, concurrency: { most, at: Math.max(at, now) } };
  }
  const seconds = Math.min(1, Math.max(0, now - at) / 1000);
  const more = Math.floor(seconds * (state.cut === null ? most : concurrent.perSecond));
  if (more === 0) return { ...state, concurrency: { most, at } };
  return { ...state, concurrency: { most: most + more, at: now } };
}

function firstFree({ blockedUntil, left }: QuotaState, now: number): number {
  const empty = left !== null && left.calls === 0 ? left.until : 0;
  return Math.max(blockedUntil, empty, now);
}

/** Workers with calls that wait. */
function usersOf({ workers }: QuotaState): number {
  return Math.max(1, Object.values(workers).filter(({ waiting }) => waiting > 0).length);
}

/** How far ahead slots are taken that lie `every` apart. */
function horizonOf(state: QuotaState, every: number): number {
  const wide = usersOf(state) * Math.max(horizonMs.each, 2 * every);
  return Math.min(horizonMs.most, Math.max(horizonMs.least, wide));
}

/** Takes slots from the one sequence that all workers share: as many as are fair within the horizon. */
function takeSlots(
  state: QuotaState,
  { slots: wanted, held }: LeaseRequest,
  rate: number,
  now: number,
): { slots: number[] | null; nextAt: number; againAt: number | null } {
  if (rate === Number.POSITIVE_INFINITY) return { slots: null, nextAt: 0, againAt: null };
  const first = firstFree(state, now);
  if (rate === 0) return { slots: [], nextAt: state.nextAt, againAt: state.left?.until ?? first };
  const every = 1 / rate;
  const users = usersOf(state);
  const horizon = horizonOf(state, every);
  // A slot further ahead than any lease goes is left from a clock that was set back.
  const ahead = Math.max(horizonMs.most, every) + (first - now);
  const start = Math.max(first, state.nextAt > now + 2 * ahead ? now : state.nextAt);
  const room = Math.max(0, Math.floor((now + horizon - start) / every) + 1);
  const fair = Math.max(1, Math.floor(horizon / every / users));
  const count = Math.max(0, Math.min(wanted, room, fair - held));
  const nextAt = count === 0 ? state.nextAt : start + count * every;
  const againAt = count === wanted ? null : Math.max(start, nextAt) + 0.75 * fair * every - horizon;
  return { slots: Array.from({ length: count }, (_, n) => start + n * every), nextAt, againAt };
}

/** What the workers together did of late; of one of them it is known better. */
function measured(
  { workers }: QuotaState,
  { worker, rate = 0 }: { worker?: string; rate?: number },
): number {
  const others = Object.entries(workers).filter(([name]) => name !== worker);
  return Math.max(unknownRate, rate + sum(others, ([, share]) => share.rate));
}

function finite(rate: number): number | null {
  return rate === Number.POSITIVE_INFINITY ? null : rate;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
