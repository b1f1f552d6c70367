import type { LimitInfo } from '../../model/quota.ts';
import type { Cut } from './quota-rate.ts';

/** A window that is paced. */
export type Window = NonNullable<LimitInfo['policy']>;

/** One worker's part of a connection's quota. */
export interface Share {
  /** Calls that wait or are under way. */
  readonly wants: number;
  readonly waiting: number;
  /** Permits that it may be using. */
  readonly held: number;
  /** Its calls per millisecond of late. */
  readonly rate: number;
  /** From then on it counts as gone. */
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

/** Nothing is known, and nobody calls. */
export const fresh: QuotaState = {
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
