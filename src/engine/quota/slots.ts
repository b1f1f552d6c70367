import type { Bucket } from '../../model/quota.ts';
import { rateOf, windowOf } from './current-rate.ts';
import type { QuotaState } from './quota-state.ts';

/** Slots: the moments of one evenly spaced sequence at which calls may go, dealt out to the workers. */

/** Slots are taken so far ahead: at least, for each worker, and at most. Milliseconds. */
const horizonMs = { least: 200, each: 60, most: 5_000 };
/** Workers tell of calls that went late within this time. Milliseconds. */
const reportMs = 200;

/** Takes slots from the one sequence that all workers share: as many as are fair within the horizon. */
export function takeSlots(
  state: QuotaState,
  { slots: wanted, held }: { readonly slots: number; readonly held: number },
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

/**
 * Puts the slots back for calls that went late. Not at once: a gap anywhere in the window after a late call makes up for
 * it, so that one gap may do for many.
 */
export function slip(state: QuotaState, to = 0, quota: Bucket, now: number): QuotaState {
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

/** The earliest time at which a call is possible, slots aside. */
export function firstFree({ blockedUntil, left }: QuotaState, now: number): number {
  const empty = left !== null && left.calls === 0 ? left.until : 0;
  return Math.max(blockedUntil, empty, now);
}

/** The time ahead for which slots are taken that lie `every` apart. Milliseconds. */
function horizonOf(state: QuotaState, every: number): number {
  const wide = usersOf(state) * Math.max(horizonMs.each, 2 * every);
  return Math.min(horizonMs.most, Math.max(horizonMs.least, wide));
}

/** Workers with calls that wait. */
function usersOf({ workers }: QuotaState): number {
  return Math.max(1, Object.values(workers).filter(({ waiting }) => waiting > 0).length);
}
