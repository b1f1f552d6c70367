import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LongWindow, LongWindowInfo } from '../../model/quota.ts';
import { takeCalls, type Grant, type LongState, type TakeRequest } from './long-windows.ts';

const start = Date.UTC(2026, 0, 15, 12);
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** How long a call is under way at most. */
const transitMs = 900;

function request(more: Partial<TakeRequest> = {}): TakeRequest {
  return { worker: 'w', calls: 10, held: 0, inFlight: 0, back: [], ...more };
}

function take(
  before: LongState | null,
  window: LongWindow,
  more: Partial<TakeRequest> = {},
  now = start,
) {
  return takeCalls(before, request(more), { day: window }, now);
}

/** Takes all that is left, as workers that come one after the other would. */
function drain(before: LongState | null, window: LongWindow, now = start) {
  let state = before;
  let calls = 0;
  for (let n = 0; ; n += 1) {
    const taken = take(state, window, { worker: `w${n}`, calls: 1_000_000 }, now);
    state = taken.state;
    calls += taken.grant.calls;
    if (taken.grant.calls === 0) return { state, calls, waitMs: taken.grant.waitMs ?? 0 };
  }
}

interface Load {
  readonly window: LongWindow;
  readonly workers: number;
  /** Calls of a worker in each tick. */
  readonly calls: number;
  readonly ticks: number;
  readonly tickMs: number;
  /** When it begins. */
  readonly from?: number;
  /** The chance of a worker to die in a tick. */
  readonly deaths: number;
  readonly seed: number;
}

/** Workers that call as fast as they can, and die now and then; returns when the calls arrived, in order. */
function simulate(load: Load): number[] {
  const { window, workers, calls, ticks, tickMs, deaths, seed, from = start } = load;
  let last = seed;
  const random = () => (last = (last * 48_271) % 2_147_483_647) / 2_147_483_647;
  let state: LongState | null = null;
  let born = 0;
  const arrivals: number[] = [];
  const fresh = () => ({ worker: `w${(born += 1)}`, stock: [] as (Grant & { until: number })[] });
  const all = Array.from({ length: workers }, fresh);
  for (let tick = 0; tick < ticks; tick += 1) {
    const now = from + tick * tickMs;
    for (const [n, each] of all.entries()) {
      const back = each.stock.filter(({ until }) => until <= now);
      each.stock = each.stock.filter(({ until }) => until > now);
      const held = each.stock.reduce((total, grant) => total + grant.calls, 0);
      if (held < calls / 2 || back.length > 0) {
        const more = { worker: each.worker, calls: Math.max(0, calls - held), held, back };
        const taken = takeCalls(state, request(more), { day: window }, now);
        ({ state } = taken);
        if (taken.grant.calls > 0)
          each.stock.push({ ...taken.grant, until: now + taken.grant.goodMs });
      }
      if (random() < deaths) {
        all[n] = fresh();
        continue;
      }
      for (let left = calls; left > 0 && each.stock.length > 0; left -= 1) {
        const [oldest] = each.stock;
        if (oldest === undefined) break;
        // The call leaves at the last moment at which it may, at the latest.
        const leaves = now + random() * Math.min(tickMs, oldest.until - now);
        arrivals.push(leaves + random() * transitMs);
        each.stock[0] = { ...oldest, calls: oldest.calls - 1 };
        if (oldest.calls === 1) each.stock.shift();
      }
    }
  }
  return arrivals.toSorted((a, b) => a - b);
}

function mostInAnyWindow(times: readonly number[], perMs: number): number {
  let first = 0;
  return times.reduce((most, time, index) => {
    while ((times[first] ?? time) <= time - perMs) first += 1;
    return Math.max(most, index - first + 1);
  }, 0);
}

it('lets no window have more calls than it allows, over one and a half hours and with workers that die', () => {
  const load = fc.record({
    requests: fc.integer({ min: 1, max: 3_000 }),
    perMs: fc.constantFrom(65_000, 600_000, 1_800_000),
    workers: fc.integer({ min: 1, max: 5 }),
    calls: fc.integer({ min: 1, max: 40 }),
    deaths: fc.constantFrom(0, 0.002, 0.05),
    seed: fc.integer({ min: 1, max: 2_000_000_000 }),
  });
  fc.assert(
    fc.property(load, ({ requests, perMs, ...more }) => {
      const arrivals = simulate({
        window: { requests, perMs },
        ticks: 8_000,
        tickMs: 900,
        ...more,
      });
      expect(mostInAnyWindow(arrivals, perMs)).toBeLessThanOrEqual(requests);
      expect(arrivals.length).toBeGreaterThan(0);
    }),
    { numRuns: 12 },
  );
});

it.each([
  [1_000, 600_000, 10],
  [5_000, hourMs, 20],
  [40, 65_000, 5],
])('%i calls in %i ms: one worker uses more than 95 in 100', (requests, perMs, calls) => {
  const tickMs = 250;
  const windows = 6;
  const ticks = (windows * perMs) / tickMs;
  const window = { requests, perMs };
  const arrivals = simulate({ window, workers: 1, calls, ticks, tickMs, deaths: 0, seed: 7 });
  expect(arrivals.length).toBeGreaterThan(0.95 * windows * requests);
  expect(mostInAnyWindow(arrivals, perMs)).toBeLessThanOrEqual(requests);
});

it('a day that resets has no more calls than it allows, whichever second the system takes for midnight', () => {
  const timezone = 'America/Chicago';
  const arrivals = simulate({
    window: { requests: 500, resets: { timezone } },
    workers: 3,
    calls: 7,
    // The clocks are set back on 1 November.
    from: Date.UTC(2026, 9, 31, 12),
    ticks: (3 * dayMs) / 30_000,
    tickMs: 30_000,
    deaths: 0.001,
    seed: 11,
  });
  const day = new Intl.DateTimeFormat('en', { timeZone: timezone });
  for (const skewMs of [-900, 0, 900]) {
    const perDay = new Map<string, number>();
    for (const at of arrivals) {
      const name = day.format(at + skewMs);
      perDay.set(name, (perDay.get(name) ?? 0) + 1);
    }
    expect(Math.max(...perDay.values())).toBeLessThanOrEqual(500);
    expect(perDay.size).toBe(4);
  }
});

it('what a worker that died held counts, and is little', () => {
  const window = { requests: 1_000, perMs: hourMs };
  const { state, grant } = take(null, window, { worker: 'dead', calls: 500 });
  expect(grant).toMatchObject({ calls: 10, goodMs: 5_000, waitMs: null });
  expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  expect(drain(state, window).calls).toBe(990);
});

it('says how long to wait: until a part of a rolling window has lapsed, or until the reset', () => {
  const rolling = drain(null, { requests: 480, perMs: hourMs });
  expect(rolling.calls).toBe(480);
  expect(rolling.waitMs).toBeGreaterThan(hourMs);
  expect(rolling.waitMs).toBeLessThan(hourMs + hourMs / 96 + 6_001);
  expect(
    take(rolling.state, { requests: 480, perMs: hourMs }, {}, start + rolling.waitMs).grant,
  ).toMatchObject({ calls: 4, waitMs: null });
  const daily = drain(null, { requests: 480, resets: { timezone: 'America/Chicago' } });
  // Midnight in Chicago is 6:00 UTC, and a second more.
  expect(daily.waitMs).toBe(18 * hourMs + 1_000);
});

it('waits for as much of a rolling window as is worth it', () => {
  const window = { requests: 1_000, perMs: hourMs };
  const first = take(null, window, { calls: 1 });
  const all = drain(first.state, window, start + 600_000);
  const wait = (calls: number) =>
    take(all.state, window, { worker: 'last', calls }, start + 600_000).grant.waitMs ?? 0;
  expect(wait(1)).toBeLessThan(hourMs - 600_000 + 45_000);
  expect(wait(50)).toBeGreaterThan(hourMs);
});

it('nobody calls around the reset, when the clocks of the system may show another day', () => {
  const window = { requests: 100, resets: { timezone: 'UTC', at: '13:00' } };
  const at = (ms: number) => take(null, window, {}, start + hourMs + ms).grant;
  expect(at(-4_000)).toMatchObject({ calls: 1, goodMs: 3_000 });
  expect(at(-1_000)).toMatchObject({ calls: 0, waitMs: 2_000 });
  expect(at(999)).toMatchObject({ calls: 0, waitMs: 1 });
  expect(at(1_000)).toMatchObject({ calls: 1, goodMs: 5_000 });
});

it('gives back what a worker did not use, once', () => {
  const window = { requests: 1_000, perMs: hourMs };
  const { state, grant } = take(null, window, { calls: 8 });
  const back = [{ calls: 5, lapses: grant.lapses }];
  const after = take(state, window, { calls: 0, back }).state;
  expect(drain(after, window).calls).toBe(997);
  const again = take(after, window, { calls: 0, back: [...back, ...back] }).state;
  expect(drain(again, window).calls).toBe(1_000);
});

function afterHearing(window: LongWindow, seen: LongWindowInfo, before: LongState | null = null) {
  const { state } = take(before, window, { calls: 0, seen: { day: seen } });
  return drain(state, window);
}

it('answers correct the count: others use the account too', () => {
  const window = { requests: 1_000 };
  expect(afterHearing(window, { used: 300 }).calls).toBe(700);
  expect(afterHearing(window, { remaining: 120 }).calls).toBe(120);
  expect(afterHearing(window, { used: 18, requests: 5_000 }).calls).toBe(4_982);
  expect(afterHearing(window, { used: 3, requests: 5_000, remaining: 10 }).calls).toBe(4_997);
});

it('what its own workers did is not taken for the calls of others, and never for less', () => {
  const window = { requests: 1_000 };
  const { state } = take(null, window, { calls: 10 });
  // Ten calls were made, and the answer counts them.
  expect(afterHearing(window, { used: 10 }, state).calls).toBe(990);
  expect(afterHearing(window, { used: 2 }, state).calls).toBe(990);
  // Of ten calls four are held yet: one of the seven that count was made by another.
  const held = take(state, window, { calls: 0, held: 4, seen: { day: { used: 7 } } }).state;
  expect(drain(held, window).calls).toBe(989);
});

it('what was said of others lapses: from a rolling window soon, from a day at its reset', () => {
  const said = { day: { remaining: 0 } };
  const rolling = take(null, { requests: 1_000 }, { calls: 0, seen: said });
  expect(rolling.grant.waitMs).toBe(hourMs);
  expect(take(rolling.state, { requests: 1_000 }, {}, start + hourMs).grant.calls).toBe(10);
  const daily = { requests: 1_000, resets: { timezone: 'America/Chicago' } };
  expect(take(null, daily, { seen: said }).grant.waitMs).toBe(18 * hourMs + 1_000);
  const told = { day: { remaining: 0, resetMs: 90_000 } };
  expect(take(null, daily, { seen: told }).grant.waitMs).toBe(90_000);
});

it('leaves others their share', () => {
  const window = { requests: 1_000, keep: 0.2 };
  expect(drain(null, window).calls).toBe(800);
  expect(afterHearing(window, { used: 700 }).calls).toBe(100);
  expect(afterHearing(window, { used: 900 }).calls).toBe(0);
});

it('several windows all hold, and buckets share those of one name', () => {
  const day = { requests: 1_000 };
  const hour = { requests: 500, perMs: hourMs };
  const search = takeCalls(null, request({ worker: 'search' }), { day, hour }, start);
  expect(search.grant.calls).toBe(5);
  const rest = drain(search.state, day);
  expect(rest.calls).toBe(995);
  const out = takeCalls(rest.state, request({ worker: 'search' }), { day, hour }, start);
  expect(out.grant.calls).toBe(0);
  expect(out.grant.waitMs).toBeGreaterThan(dayMs);
});
