import type { Bucket, LimitInfo } from '../../model/quota.ts';
import { rateAfter, windowRate } from './quota-rate.ts';
import type { QuotaState, Window } from './quota-state.ts';

/** The rate that calls may have now, by what is declared, what answers said, and what was refused. */

/** A rate that has grown this far beyond the one that was refused is no limit any more. */
const forgottenAt = 64;
/** Calls left are spread over the time until the reset, looking this far ahead at most. Milliseconds. */
const spreadMs = { least: 200, most: 60_000 };
/** Servers round times up to whole seconds. Milliseconds. */
const roundingMs = 1_000;

/** Calls per millisecond that may be made now; Infinity: nothing is known. */
export function rateOf(state: QuotaState, quota: Bucket, now: number): number {
  const { cut, left } = state;
  const window = windowOf(state, quota);
  let rate = window === null ? Number.POSITIVE_INFINITY : windowRate(window);
  if (window === null && left !== null) rate = rateLeft(state, left, now);
  if (cut === null) return rate;
  const tried = rateAfter(cut, now);
  return tried > forgottenAt * cut.from ? rate : Math.min(rate, tried);
}

/** The declared quota, or the one that the answers carry. */
export function windowOf({ policy }: QuotaState, quota: Bucket): Window | null {
  const { requests, perMs = 1000 } = quota;
  return requests === undefined ? policy : { requests, perMs };
}

/** Takes in what an answer said. A declared rate is not overruled by what is left of a window no longer than its own. */
export function learn(
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

function rateLeft(
  { workers }: QuotaState,
  left: { calls: number; until: number },
  now: number,
): number {
  // The answers do not yet count the calls that are under way.
  const underWay = Object.values(workers).reduce(
    (total, { wants, waiting }) => total + wants - waiting,
    0,
  );
  const over = Math.min(spreadMs.most, Math.max(spreadMs.least, left.until - now));
  return Math.max(0, left.calls - underWay) / over;
}
