import type { LongWindow, LongWindowInfo } from '../../model/quota.ts';
import { nextReset } from './next-reset.ts';

/**
 * Counts the calls of long windows, such as a day's quota. A worker takes some calls from the count before it makes them.
 * They are counted from then on, so a worker that dies with some unused makes the count too high, never too low.
 */

const dayMs = 86_400_000;
/** A rolling window is counted in so many parts, and what was taken in a part lapses as one. */
const partsPerWindow = 96;
/** Calls that were taken must be made within this time, and within the length of a part. Milliseconds. */
const mostGoodMs = 5_000;
/** A call is under way to the system for no longer than this, and the system's clock differs by no more. Milliseconds. */
const slackMs = 1_000;
/** The most that a worker holds unused, as a share of the quota: a worker that dies takes so much with it. */
const heldShare = 1 / 100;
/** An answer about others' calls in a rolling window is believed for this share of the window. */
const believedShare = 1 / 24;
/** A worker that has not asked for this long is gone, or has nothing under way. Milliseconds. */
const workerTtlMs = 30_000;

/** The counts of a connection's long windows, shared by all workers. Times are milliseconds of the database's clock. */
export interface LongState {
  readonly windows: Readonly<Record<string, Count>>;
  /** Calls that a worker had taken and not brought to an end when it asked last; forgotten after `until`. */
  readonly workers: Readonly<Record<string, { readonly calls: number; readonly until: number }>>;
}

/** The calls that count in one window. */
interface Count {
  /** Calls that workers took, by the time at which they lapse; earliest first. */
  readonly taken: readonly Lapsing[];
  /** Calls beyond those, which the answers told: others made them. Null: none are known. */
  readonly others: Lapsing | null;
  /** The quota that the answers told; null: none did. */
  readonly told: number | null;
}

interface Lapsing {
  readonly calls: number;
  readonly until: number;
}

/** Calls that were taken from the counts. */
export interface Taken {
  readonly calls: number;
  /** The time at which they lapse, for each window by its name. */
  readonly lapses: Readonly<Record<string, number>>;
}

/** A worker's request for calls. */
export interface TakeRequest {
  /** Names the worker and, where it has several, the bucket. */
  readonly worker: string;
  /** Calls that it could make soon, beyond those it has. */
  readonly calls: number;
  /** Calls that it has and has not made. */
  readonly held: number;
  readonly inFlight: number;
  /** Calls that it took and will not make. */
  readonly back: readonly Taken[];
  /** The latest answer's words about the windows, by their names. */
  readonly seen?: Readonly<Record<string, LongWindowInfo>> | undefined;
}

/** Calls that a worker gets. */
export interface Grant extends Taken {
  /** The calls must be made within this time. Milliseconds from now. */
  readonly goodMs: number;
  /** The time to wait because a window is used up, in milliseconds from now; null: no window is. */
  readonly waitMs: number | null;
}

const nothing: Count = { taken: [], others: null, told: null };

/** Takes calls from the counts of all the windows that a bucket draws on. Pure; the caller stores the state. */
export function takeCalls(
  before: LongState | null,
  request: TakeRequest,
  windows: Readonly<Record<string, LongWindow>>,
  now: number,
): { state: LongState; grant: Grant } {
  const workers = workersWith(before?.workers ?? {}, request, 0, now);
  const underWay = sum(Object.values(workers));
  const counts = new Map(Object.entries(before?.windows ?? {}));
  const terms = Object.entries(windows).map(([name, window]) => {
    const known = givenBack(lapsed(counts.get(name) ?? nothing, now), name, request.back);
    const count = corrected(known, request.seen?.[name], window, underWay, now);
    return { name, count, window, ...termsOf(count, window, request, now) };
  });
  const calls = Math.max(0, Math.min(request.calls, ...terms.map(({ most }) => most)));
  for (const { name, count, lapsesAt } of terms) counts.set(name, added(count, calls, lapsesAt));
  const waits = terms.flatMap(({ waitMs }) => (waitMs === null ? [] : [waitMs]));
  return {
    state: {
      windows: Object.fromEntries(counts),
      workers: workersWith(before?.workers ?? {}, request, calls, now),
    },
    grant: {
      calls,
      lapses: Object.fromEntries(terms.map(({ name, lapsesAt }) => [name, lapsesAt])),
      goodMs: Math.min(...terms.map(({ goodMs }) => goodMs)),
      waitMs: waits.length === 0 ? null : Math.max(...waits),
    },
  };
}

/** The calls that a window allows right now. */
interface Terms {
  /** Calls that may be taken. */
  readonly most: number;
  /** The time at which they lapse. */
  readonly lapsesAt: number;
  readonly goodMs: number;
  /** The time to wait for more; null: some are left. */
  readonly waitMs: number | null;
}

function termsOf(
  count: Count,
  window: LongWindow,
  { calls, held }: Pick<TakeRequest, 'calls' | 'held'>,
  now: number,
): Terms {
  const { lapsesAt, goodMs } = periodOf(window, now);
  const limit = limitOf(count, window);
  const left = limit - usedOf(count);
  const atOnce = Math.max(1, Math.floor(limit * heldShare));
  // Around the reset a call would count in one day here and in the other at the system.
  if (goodMs <= 0) return { most: 0, lapsesAt, goodMs: 0, waitMs: lapsesAt - now };
  if (left > 0) return { most: Math.min(left, atOnce - held), lapsesAt, goodMs, waitMs: null };
  const enough = Math.max(1, Math.min(calls, atOnce));
  return { most: 0, lapsesAt, goodMs, waitMs: waitOf(count, limit - enough, now) };
}

/** The time within which calls that are taken now must be made, and the time at which they lapse. */
function periodOf(window: LongWindow, now: number): { goodMs: number; lapsesAt: number } {
  const { perMs = dayMs, resets } = window;
  if (resets !== undefined) {
    const end = nextReset(resets, now - slackMs);
    return { goodMs: Math.min(mostGoodMs, end - slackMs - now), lapsesAt: end + slackMs };
  }
  const partMs = perMs / partsPerWindow;
  const goodMs = Math.min(mostGoodMs, partMs);
  const partEnds = (Math.floor(now / partMs) + 1) * partMs;
  return { goodMs, lapsesAt: Math.ceil(partEnds + goodMs + slackMs + perMs) };
}

/** Calls that may count in the window at once. */
function limitOf({ told }: Count, { requests, keep = 0 }: LongWindow): number {
  return Math.max(1, Math.floor((told ?? requests) * (1 - keep)));
}

function usedOf({ taken, others }: Count): number {
  return sum(taken) + (others?.calls ?? 0);
}

/** The time until no more than `most` calls count. Milliseconds. */
function waitOf({ taken, others }: Count, most: number, now: number): number {
  const lapsing = [...taken, ...(others === null ? [] : [others])].toSorted(
    (a, b) => a.until - b.until,
  );
  let used = sum(lapsing);
  for (const { calls, until } of lapsing) {
    used -= calls;
    if (used <= most) return until - now;
  }
  return 0;
}

function lapsed({ taken, others, told }: Count, now: number): Count {
  return {
    taken: taken.filter(({ until }) => until > now),
    others: others !== null && others.until > now ? others : null,
    told,
  };
}

function givenBack(count: Count, name: string, back: readonly Taken[]): Count {
  return back.reduce((left, { calls, lapses }) => {
    const lapsesAt = lapses[name];
    return lapsesAt === undefined ? left : added(left, -calls, lapsesAt);
  }, count);
}

/** Adds to what lapses at a time. */
function added(count: Count, calls: number, until: number): Count {
  if (calls === 0) return count;
  const same = count.taken.find((each) => each.until === until);
  const others = count.taken.filter((each) => each !== same);
  const all = [...others, { calls: Math.max(0, (same?.calls ?? 0) + calls), until }];
  return { ...count, taken: all.toSorted((a, b) => a.until - b.until) };
}

/**
 * Corrects a count by an answer. Calls that the answer counts beyond those of the workers were made by others.
 * @param underWay calls of the workers that the system may not have counted yet
 */
function corrected(
  count: Count,
  said: LongWindowInfo | undefined,
  window: LongWindow,
  underWay: number,
  now: number,
): Count {
  if (said === undefined) return count;
  const told = said.requests ?? count.told;
  const {
    remaining,
    used = remaining === undefined ? undefined : (told ?? window.requests) - remaining,
  } = said;
  if (used === undefined) return { ...count, told };
  const own = Math.max(0, sum(count.taken) - underWay);
  const until = now + (said.resetMs ?? believedMs(window, now));
  return { ...count, told, others: { calls: Math.max(0, used - own), until } };
}

/** The time for which an answer about others is believed: they only add to a day's calls, and those of a rolling window lapse. */
function believedMs(window: LongWindow, now: number): number {
  const { perMs = dayMs, resets } = window;
  return resets === undefined ? perMs * believedShare : periodOf(window, now).lapsesAt - now;
}

/** The workers that are not gone, with what the asking one has not brought to an end. */
function workersWith(
  workers: LongState['workers'],
  { worker, held, inFlight }: TakeRequest,
  more: number,
  now: number,
): LongState['workers'] {
  const calls = held + inFlight + more;
  const others = Object.entries(workers).filter(
    ([name, { until }]) => name !== worker && until > now,
  );
  const mine = calls === 0 ? [] : [[worker, { calls, until: now + workerTtlMs }] as const];
  return Object.fromEntries([...others, ...mine]);
}

function sum(items: readonly { readonly calls: number }[]): number {
  return items.reduce((total, { calls }) => total + calls, 0);
}
