import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Bucket, LimitInfo } from '../../model/quota.ts';
import { fairShares } from './fair-shares.ts';
import { workerTtlMs } from './permits.ts';
import { leaseQuota, refuseQuota, type LeaseRequest } from './quota.ts';
import type { QuotaState } from './quota-state.ts';
import { rateAfter } from './quota-rate.ts';

const start = 1_700_000_000_000;
const hundred: Bucket = { requests: 100, perMs: 1000 };

function request(worker: string, more: Partial<LeaseRequest> = {}): LeaseRequest {
  return { worker, slots: 50, held: 0, waiting: 50, inFlight: 0, rate: 0, ...more };
}

/** Workers that always have more to do lease by turns, each every 25 ms; returns every slot, in order. */
function saturate(quota: Bucket, workers: string[], ms: number, before: QuotaState | null = null) {
  let state = before;
  const slots: { at: number; worker: string }[] = [];
  for (let now = start; now < start + ms; now += 25) {
    for (const worker of workers) {
      const leased = leaseQuota(
        state,
        request(worker, {
          slots: 1_000,
          waiting: 1_000,
          held: slots.filter((slot) => slot.worker === worker && slot.at > now).length,
        }),
        quota,
        now,
      );
      state = leased.state;
      for (const at of leased.lease.slots ?? []) slots.push({ at, worker });
    }
  }
  return { state: state as QuotaState, slots: slots.toSorted((a, b) => a.at - b.at) };
}

function mostInAnyWindow(times: readonly number[], perMs: number): number {
  let first = 0;
  return times.reduce((most, time, index) => {
    while ((times[first] ?? time) <= time - perMs) first += 1;
    return Math.max(most, index - first + 1);
  }, 0);
}

it.each([
  [10, 1],
  [10, 4],
  [100, 4],
  [1000, 1],
  [1000, 4],
  [3, 4],
])(
  '%i calls a second, %i workers: no window has more, at least 96 in 100 are used, fairly',
  (requests, count) => {
    const names = Array.from({ length: count }, (_, n) => `w${n}`);
    const { slots } = saturate({ requests, perMs: 1000 }, names, 20_000);
    expect(
      mostInAnyWindow(
        slots.map(({ at }) => at),
        1000,
      ),
    ).toBeLessThanOrEqual(requests);
    const used = slots.filter(({ at }) => at < start + 20_000);
    expect(used.length).toBeGreaterThanOrEqual(20 * requests * 0.96);
    const each = names.map((name) => used.filter(({ worker }) => worker === name).length);
    expect(Math.max(...each)).toBeLessThan(1.5 * Math.min(...each) + 3);
  },
);

it('keeps nothing for a worker that is gone: its slots lapse, its permits come back', () => {
  const { state } = saturate({ ...hundred, concurrency: 8 }, ['dead', 'alive'], 1_000);
  const permits = (now: number) =>
    leaseQuota(state, request('alive'), { ...hundred, concurrency: 8 }, now).lease.permits;
  expect(permits(start + 1_000)).toBe(4);
  expect(permits(start + 1_000 + workerTtlMs)).toBe(8);
  const later = leaseQuota(state, request('alive'), hundred, start + 5_000);
  expect(later.lease.slots?.[0]).toBe(start + 5_000);
});

it('never gives out more permits than there are, however workers come and go', () => {
  const step = fc.record({
    worker: fc.constantFrom('a', 'b', 'c', 'd'),
    waiting: fc.nat(40),
    finish: fc.nat(10),
    ms: fc.nat(400),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(step, { maxLength: 80 }),
      (most, steps) => {
        const inFlight = new Map<string, number>();
        let state: QuotaState | null = null;
        let now = start;
        for (const { worker, waiting, finish, ms } of steps) {
          now += ms;
          const busy = Math.max(0, (inFlight.get(worker) ?? 0) - finish);
          // Everybody renews in time.
          for (const [name, calls] of inFlight)
            state = leaseQuota(
              state,
              request(name, { waiting: 0, inFlight: name === worker ? busy : calls }),
              { concurrency: most },
              now,
            ).state;
          const { lease, state: next } = leaseQuota(
            state,
            request(worker, { waiting, inFlight: busy }),
            { concurrency: most },
            now,
          );
          state = next;
          inFlight.set(worker, Math.max(busy, Math.min(busy + waiting, lease.permits ?? 0)));
          expect([...inFlight.values()].reduce((sum, calls) => sum + calls, 0)).toBeLessThanOrEqual(
            most,
          );
        }
      },
    ),
  );
});

it('shares by need, and gives everybody a turn', () => {
  expect(fairShares([1, 10, 10], 9, 0)).toEqual([1, 4, 4]);
  expect(fairShares([5, 5], 20, 0)).toEqual([5, 5]);
  const turns = [0, 1, 2].map((turn) => fairShares([9, 9, 9], 1, turn).indexOf(1));
  expect(new Set(turns)).toEqual(new Set([0, 1, 2]));
});

it('blocks every worker at once, then goes on slower and evenly spaced', () => {
  const { state } = saturate(hundred, ['a', 'b'], 1_000);
  const now = start + 1_000;
  const refused = refuseQuota(state, { round: state.round, retryAfterMs: 5_000 }, hundred, now);
  for (const worker of ['a', 'b', 'c']) {
    const { lease } = leaseQuota(refused, request(worker), hundred, now + 4_000);
    expect(lease).toMatchObject({ slots: [], blockedUntil: now + 5_000, round: state.round + 1 });
  }
  const { lease } = leaseQuota(refused, request('a'), hundred, now + 5_000);
  const [first = 0, second = 0] = lease.slots ?? [];
  expect(first).toBeGreaterThan(now + 5_000);
  expect(second - first).toBeGreaterThan(10 / 0.95);
});

it('decreases once a round, and harder when that was not enough', () => {
  const first = refuseQuota(null, { round: 0, retryAfterMs: 1_000 }, hundred, start);
  const same = refuseQuota(first, { round: 0, retryAfterMs: 3_000 }, hundred, start + 50);
  expect(same.cut).toEqual(first.cut);
  expect(same.blockedUntil).toBe(start + 3_050);
  const second = refuseQuota(first, { round: 1, retryAfterMs: 1_000 }, hundred, start + 1_200);
  expect(second.cut!.to / first.cut!.to).toBeLessThan(0.55);
});

/** The rate that a refusal brought it down to. */
function perSecond({ cut }: QuotaState): number {
  return (cut?.to ?? 0) * 1_000;
}

it('hardly slows down for one refusal of a known quota, and more for one that follows', () => {
  const first = refuseQuota(null, { round: 0, retryAfterMs: 1_000 }, hundred, start);
  expect(perSecond(first)).toBeGreaterThan(85);
  const soon = refuseQuota(first, { round: 1, retryAfterMs: 1_000 }, hundred, start + 10_000);
  expect(perSecond(soon)).toBeLessThan(75);
  const late = refuseQuota(first, { round: 1, retryAfterMs: 1_000 }, hundred, start + 60_000);
  expect(perSecond(late)).toBeGreaterThan(85);
});

it('takes a rate that was never measured for what the refused worker knows of its own', () => {
  const { state } = leaseQuota(null, request('w'), {}, start);
  const refused = refuseQuota(state, { round: 0, worker: 'w', rate: 0.05 }, {}, start + 50);
  expect(refused.cut?.to).toBeCloseTo(0.7 * 0.05);
});

it('survives a quota that drops to a tenth, and finds back', () => {
  let state: QuotaState | null = null;
  let now = start;
  const calls: { at: number; ok: boolean }[] = [];
  const serve = (until: number, requests: number): void => {
    for (; now < until; now += 25) {
      const { lease, state: leased } = leaseQuota(state, request('w'), hundred, now);
      state = leased;
      for (const at of lease.slots ?? []) {
        const recent = calls.filter((call) => call.ok && call.at > at - 1000).length;
        const ok = recent < requests;
        calls.push({ at, ok });
        if (!ok)
          state = refuseQuota(state, { round: lease.round, retryAfterMs: 1_000 }, hundred, at);
      }
    }
  };
  serve(start + 10_000, 100);
  expect(calls.every(({ ok }) => ok)).toBe(true);
  serve(start + 40_000, 10);
  const dropped = calls.filter(({ at }) => at >= start + 10_000);
  expect(dropped.filter(({ ok }) => ok).length).toBeGreaterThan(150);
  serve(start + 56_000, 100);
  serve(start + 66_000, 100);
  const back = calls.filter(({ at, ok }) => ok && at >= start + 56_000);
  expect(back.length).toBeGreaterThan(900);
});

it('backs off twice as long each time where the server says nothing', () => {
  let state = refuseQuota(null, { round: 0 }, {}, start);
  const waits = [state.blockedUntil - start];
  for (let n = 0; n < 8; n += 1) {
    const now = state.blockedUntil + 100;
    state = refuseQuota(state, { round: state.round }, {}, now);
    waits.push(state.blockedUntil - now);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000));
});

function slotsAfter(seen: LimitInfo): readonly number[] {
  return leaseQuota(null, request('w', { seen }), {}, start).lease.slots ?? [];
}

it('spreads what is left over the time until the reset, looking a minute ahead', () => {
  const [a = 0, b = 0] = slotsAfter({ remaining: 20, resetMs: 10_000 });
  expect(b - a).toBe(500);
  const [c = 0, d = 0] = slotsAfter({ remaining: 6_000, resetMs: 3_600_000 });
  expect(d - c).toBe(10);
  expect(slotsAfter({ remaining: 0, resetMs: 5_000 })).toEqual([]);
});

it('lets a declared rate stand against what is left of its own window, not of a longer one', () => {
  const after = (resetMs: number) =>
    leaseQuota(null, request('w', { seen: { remaining: 0, resetMs } }), hundred, start).lease;
  expect(after(2_000).blockedUntil).toBe(0);
  expect(after(60_000).blockedUntil).toBe(start + 60_000);
});

it('takes the quota from the answers where none is declared', () => {
  const seen = { policy: { requests: 100, perMs: 1000 }, remaining: 0, resetMs: 1000 };
  const { state } = leaseQuota(null, request('w', { slots: 0, seen }), {}, start);
  const { slots } = saturate({}, ['w'], 10_000, state);
  expect(slots.filter(({ at }) => at < start + 10_000).length).toBeGreaterThanOrEqual(960);
});

it('adapts the calls at once where nothing is known: more by and by, half after a refusal', () => {
  let state: QuotaState | null = null;
  const permits = (now: number): number => {
    const { lease, state: next } = leaseQuota(
      state,
      request('w', { waiting: 500, inFlight: 0 }),
      {},
      now,
    );
    state = next;
    return lease.permits ?? Number.NaN;
  };
  const grown = (from: number, to: number): number => {
    let most = 0;
    for (let ms = from; ms < to; ms += 100) most = permits(start + ms);
    return most;
  };
  expect(permits(start)).toBe(8);
  expect(grown(100, 1_000)).toBeGreaterThan(12);
  expect(grown(1_000, 5_000)).toBe(128);
  state = refuseQuota(state, { round: 0 }, {}, start + 5_000);
  expect(grown(6_000, 6_100)).toBe(64);
  // Then step by step.
  expect(grown(6_100, 10_000)).toBeLessThan(64 + 40);
});

it('forgets slots far ahead, which a clock that was set back left behind', () => {
  const { state } = saturate(hundred, ['w'], 1_000);
  const { lease } = leaseQuota(state, request('w'), hundred, start - 3_600_000);
  expect(lease.slots?.[0]).toBe(start - 3_600_000);
});

it('grows back to the rate that was refused, pauses there, then tries more', () => {
  const cut = { at: 0, from: 1, to: 0.5 };
  expect(rateAfter(cut, -100)).toBeCloseTo(0.5, 9);
  expect(rateAfter(cut, 4_000)).toBeCloseTo(1, 1);
  expect(rateAfter(cut, 14_000)).toBeGreaterThan(8);
});

it('does not take refusals for a row of them while calls succeed in between', () => {
  let state = refuseQuota(null, { round: 0 }, {}, start);
  for (let n = 0; n < 5; n += 1) {
    const now = state.blockedUntil + 2_000;
    state = refuseQuota(state, { round: state.round }, {}, now);
    expect(state.blockedUntil - now).toBe(1_000);
  }
});

it('puts the slots back once for all calls that went late within half a window', () => {
  const { state } = leaseQuota(null, request('w', { slots: 5 }), hundred, start);
  const after = (slip: number, before: QuotaState, ms: number) =>
    leaseQuota(before, request('w', { slots: 0, slip }), hundred, start + ms);
  const early = after(5, state, 10);
  expect(early.state.nextAt).toBe(state.nextAt);
  const late = after(8, early.state, 300);
  expect(late.state.nextAt).toBe(state.nextAt);
  const back = after(8, late.state, 700);
  expect(back.lease).toMatchObject({ slipped: 8 });
  expect(back.state.nextAt - state.nextAt).toBeCloseTo(8);
  expect(after(8, back.state, 720).state.nextAt).toBe(back.state.nextAt);
});

it.each([
  [10, 4],
  [100, 1],
  [1000, 4],
])('%i calls a second, %i workers, many of them late: no window has more', (requests, count) => {
  const quota: Bucket = { requests, perMs: 1000 };
  const lateMs = 10;
  let seed = 1;
  const random = (below: number) =>
    ((seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647) * below;
  let state: QuotaState | null = null;
  const arrivals: number[] = [];
  const workers = Array.from({ length: count }, () => ({ slots: [] as number[][], slip: 0 }));
  for (let now = start; now < start + 10_000; now += 25) {
    for (const [n, worker] of workers.entries()) {
      for (const [at = 0, slipped = 0] of worker.slots.filter(([time = 0]) => time <= now)) {
        const by = random(5) < 1 ? lateMs + 1000 / requests : random(lateMs);
        // On its way a call may be held up for what the spacing allows beyond.
        arrivals.push(at + by + random(12));
        if (by > lateMs) worker.slip = Math.max(worker.slip, slipped + by - lateMs);
      }
      worker.slots = worker.slots.filter(([time = 0]) => time > now);
      const held = worker.slots.length;
      const more = { slots: 1_000, waiting: 1_000, held, slip: worker.slip };
      const leased = leaseQuota(state, request(`w${n}`, more), quota, now);
      ({ state } = leased);
      worker.slots.push(...(leased.lease.slots ?? []).map((at) => [at, leased.lease.slipped]));
    }
  }
  const times = arrivals.toSorted((a, b) => a - b);
  expect(mostInAnyWindow(times, 1000)).toBeLessThanOrEqual(requests);
  expect(times.length).toBeGreaterThan(9 * requests * 0.9);
});
