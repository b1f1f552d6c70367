import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Bucket, LimitInfo, Quota } from '../../src/model/quota.ts';
import type { Quotas } from '../../src/store/quotas.ts';
import { LocalQuotas } from './local-quotas.ts';
import type { MakeCalls } from './paced-calls.ts';
import { Pacer } from './pacer.ts';
import { Pacers } from './pacers.ts';

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 15, 12) }));
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();
const hourMs = 3_600_000;

/** Runs of workers that share one state; what each run shows. */
function workersOf(quota: Quota) {
  const quotas: Pick<Quotas, 'change'> = new LocalQuotas();
  const shown: (Date | null)[] = [];
  const runs = { waitUntil: async (_: string, until: Date | null) => void shown.push(until) };
  const worker = () => new Pacers(quotas).ofRun('api', quota, 'run', runs);
  return { worker, shown };
}

interface Pressure {
  /** Calls under way at once. Default 4. */
  readonly lanes?: number;
  /** What answers say. Default: nothing. */
  readonly answer?: () => LimitInfo;
  readonly bucket?: string;
  /** How many calls are made. Default: as many as may be. */
  readonly most?: number;
}

/** Makes calls one after the other in lanes that end with their first failure; tells how many went, and the waits of the failures. */
async function press(
  make: MakeCalls,
  { lanes = 4, answer = () => ({}), bucket = 'default', most = 1_000_000 }: Pressure = {},
) {
  const result = { calls: 0, waits: [] as (number | undefined)[] };
  const call = async () => {
    result.calls += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return { value: null, limits: answer() };
  };
  const lane = async (): Promise<void> => {
    while (result.calls < most) await make({ signal }).make(call, { bucket });
  };
  const failed = (error: unknown) =>
    result.waits.push((error as { retryAfterMs?: number }).retryAfterMs);
  void Promise.all(Array.from({ length: lanes }, () => lane().catch(failed)));
  return result;
}

const hour: Bucket = { requests: 50, long: { hour: { requests: 400, perMs: hourMs } } };

it('workers share a long window, and whoever finds it used up leaves with the wait (R9)', async () => {
  const { worker, shown } = workersOf({ default: hour });
  const all = await Promise.all([press(worker()), press(worker())]);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(all[0].calls + all[1].calls).toBe(400);
  for (const { waits } of all) {
    expect(waits).toHaveLength(4);
    expect(Math.min(...waits.map(Number))).toBeGreaterThan(hourMs - 20_000);
  }
  expect(shown.at(-1)?.getTime()).toBeGreaterThan(Date.now() + hourMs - 20_000);
});

it('is as fast as before: a long window spaces nothing', async () => {
  const { worker } = workersOf({ default: hour });
  const made = await press(worker(), { lanes: 16 });
  await vi.advanceTimersByTimeAsync(4_000);
  expect(made.calls).toBeGreaterThan(0.95 * 200);
});

it('goes on when the window has lapsed', async () => {
  const { worker } = workersOf({ default: hour });
  const make = worker();
  const first = await press(make);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(first.waits).toHaveLength(4);
  await vi.advanceTimersByTimeAsync(Math.max(...first.waits.map(Number)));
  const second = await press(make);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(second.calls).toBeGreaterThan(0);
  expect(first.calls + second.calls).toBeLessThanOrEqual(800);
});

const thousand: Quota = { default: { long: { hour: { requests: 1_000, perMs: hourMs } } } };

it('calls that were not needed, were called off, or were not prepared in time are there for others', async () => {
  const { worker } = workersOf(thousand);
  const some = await press(worker(), { lanes: 8, most: 200 });
  await vi.advanceTimersByTimeAsync(10_000);
  const make = worker();
  const fences = [
    ...Array.from({ length: 20 }, () => async () => Promise.reject(new Error('not mine'))),
    ...Array.from({ length: 5 }, () => () => new Promise<void>((done) => setTimeout(done, 7_000))),
  ];
  const off = fences.map((fence) =>
    make({ signal, fence: once(fence) }).make(async () => ({ value: null })),
  );
  const outcomes = Promise.allSettled(off);
  await vi.advanceTimersByTimeAsync(20_000);
  const made = (await outcomes).filter(({ status }) => status === 'fulfilled').length;
  expect(made).toBe(5);
  const rest = await press(worker());
  await vi.advanceTimersByTimeAsync(60_000);
  expect(some.calls + made + rest.calls).toBe(1_000);
});

/** What takes its time, or fails, the first time only. */
function once(work: () => Promise<void>): () => Promise<void> {
  let first = true;
  return async () => {
    const isFirst = first;
    first = false;
    if (isFirst) await work();
  };
}

it('no call is made with a pass that is too old: the count may have forgotten it', async () => {
  const pacer = new Pacer(new LocalQuotas(), 'api', { long: { hour: { requests: 1_000 } } });
  const who = { begins: () => undefined, waits: () => undefined, went: () => undefined };
  const [late] = await Promise.all([pacer.turn(who), vi.advanceTimersByTimeAsync(100)]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await late.due()).toBe(false);
  late.done();
  const [prompt] = await Promise.all([pacer.turn(who), vi.advanceTimersByTimeAsync(100)]);
  expect(await prompt.due()).toBe(true);
  prompt.done();
});

it('what was taken ahead is void when an answer says that nothing is left', async () => {
  const { worker } = workersOf(thousand);
  let calls = 0;
  const answer = () => {
    calls += 1;
    return calls < 100 ? {} : { limited: true, long: { hour: { remaining: 0 } } };
  };
  const made = await press(worker(), { lanes: 1, answer });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(made).toMatchObject({ calls: 100, waits: [expect.any(Number)] });
});

it('a refusal because a day is used up sends all away until the reset, and slows nobody down after', async () => {
  const day = { requests: 50_000, resets: { timezone: 'America/Chicago' } };
  const { worker } = workersOf({ default: { requests: 50, long: { day } } });
  const refused = await press(worker(), {
    lanes: 1,
    answer: () => ({ limited: true, long: { day: { remaining: 0 } } }),
  });
  const other = await press(worker());
  await vi.advanceTimersByTimeAsync(5_000);
  expect(refused.calls).toBe(1);
  expect(other.calls).toBeLessThanOrEqual(60);
  const untilMidnight = 18 * hourMs;
  for (const wait of [...refused.waits, ...other.waits])
    expect(Math.abs(Number(wait) - untilMidnight)).toBeLessThan(10_000);
  await vi.advanceTimersByTimeAsync(untilMidnight);
  const next = await press(worker(), { lanes: 16 });
  await vi.advanceTimersByTimeAsync(4_000);
  expect(next.calls).toBeGreaterThan(0.95 * 200);
});

it('a refusal that names its wait is believed; an hour rolls', async () => {
  const { worker } = workersOf(thousand);
  const long = { hour: { used: 1_000, requests: 1_000 } };
  const answer = () => ({ limited: true, retryAfterMs: 420_000, long });
  const refused = await press(worker(), { lanes: 1, answer });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(refused.calls).toBe(1);
  expect(Math.abs(Number(refused.waits[0]) - 420_000)).toBeLessThan(5_000);
});

it('a time zone that nobody knows fails the call, and does not keep it waiting', async () => {
  const day = { requests: 1_000, resets: { timezone: 'Central' } };
  const { worker } = workersOf({ default: { long: { day } } });
  const made = worker()({ signal }).make(async () => ({ value: null }));
  const failed = made.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(1_000);
  const expected = { class: 'config', code: 'unknown_timezone', connection: 'api' };
  expect(await failed).toMatchObject(expected);
});

it('what answers say is used by others is not there for us', async () => {
  const { worker } = workersOf({
    default: { long: { day: { requests: 15_000, keep: 0.2 } } },
  });
  const made = await press(worker(), {
    lanes: 1,
    answer: () => ({ long: { day: { used: 1_100, requests: 1_000 } } }),
  });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(made).toMatchObject({ calls: 1, waits: [expect.any(Number)] });
  const more = await press(worker(), {
    lanes: 1,
    answer: () => ({ long: { day: { used: 700, requests: 1_000 } } }),
  });
  await vi.advanceTimersByTimeAsync(2 * hourMs);
  expect(more.calls).toBe(0);
});

it('buckets share a window of one name', async () => {
  const day = { requests: 300 };
  const { worker } = workersOf({
    default: { requests: 100, long: { day } },
    search: { requests: 20, long: { day } },
  });
  const make = worker();
  const all = await Promise.all([press(make), press(make, { bucket: 'search' })]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(all[0].calls + all[1].calls).toBe(300);
  expect(all[1].calls).toBeGreaterThan(10);
});

it('goes by the new quota at once when it is declared anew', async () => {
  const quotas = new LocalQuotas();
  const pacers = new Pacers(quotas);
  const runs = { waitUntil: async () => undefined };
  const declared = (requests: number) =>
    pacers.ofRun('api', { default: { long: { day: { requests } } } }, 'run', runs);
  const first = await press(declared(100), { lanes: 1 });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(first).toMatchObject({ calls: 100, waits: [expect.any(Number)] });
  const second = await press(declared(150), { lanes: 1 });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(second.calls).toBe(50);
});
