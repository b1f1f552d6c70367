import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Calls } from '../../src/connectors/contract/calls.ts';
import type { LimitInfo } from '../../src/model/quota.ts';
import type { Store } from '../../src/store/store.ts';
import { Pacers } from './pacers.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Is never aborted. */
const { signal } = new AbortController();

/** A state store in memory, and what the run showed. */
function open() {
  const states = new Map<string, unknown>();
  const shown: (Date | null)[] = [];
  const store = {
    quotas: {
      async change(
        key: string,
        decide: (before: unknown, now: number) => { state: unknown; result: unknown },
      ) {
        const decided = decide(states.get(key) ?? null, Date.now());
        states.set(key, decided.state);
        const now = performance.now();
        return { result: decided.result, clock: { at: Date.now(), from: now, to: now } };
      },
    },
    runProgress: { waitUntil: async (_: string, until: Date | null) => void shown.push(until) },
  } as unknown as Store;
  return { ...store, pacers: new Pacers(store.quotas), shown };
}

/** A call that is refused by these answers before it is taken. */
function call(calls: Calls, refusals: LimitInfo[]) {
  let made = 0;
  const result = calls.make(async () => {
    const limits = refusals[made];
    made += 1;
    return { value: made, ...(limits && { limits }) };
  });
  return { result, made: () => made };
}

it('makes a refused call again by itself when the pause is over (R9)', async () => {
  const { pacers, runProgress: runs } = open();
  const { result, made } = call(pacers.ofRun('api', {}, 'run', runs)({ signal }), [
    { limited: true, retryAfterMs: 3_000 },
    { limited: true },
  ]);
  await vi.advanceTimersByTimeAsync(2_900);
  expect(made()).toBe(1);
  await vi.advanceTimersByTimeAsync(10_000);
  await expect(result).resolves.toBe(3);
});

it('pauses for an answer that may not be repeated, and hands it on', async () => {
  const { pacers, runProgress: runs } = open();
  const calls = pacers.ofRun('api', {}, 'run', runs)({ signal });
  const once = call(calls, [{ limited: false, retryAfterMs: 3_000 }]);
  await vi.advanceTimersByTimeAsync(100);
  await expect(once.result).resolves.toBe(1);
  const next = call(calls, []);
  await vi.advanceTimersByTimeAsync(2_500);
  expect(next.made()).toBe(0);
  await vi.advanceTimersByTimeAsync(5_000);
  await next.result;
});

it('shows in the run until when it waits, and not any more when calls go again', async () => {
  const { pacers, runProgress: runs, shown } = open();
  const begun = Date.now();
  const { result } = call(pacers.ofRun('api', {}, 'run', runs)({ signal }), [
    { limited: true, retryAfterMs: 9_000 },
  ]);
  await vi.advanceTimersByTimeAsync(3_000);
  const until = shown.at(-1)?.getTime() ?? 0;
  expect(until - begun).toBeGreaterThan(8_900);
  expect(until - begun).toBeLessThan(12_000);
  await vi.advanceTimersByTimeAsync(10_000);
  await result;
  expect(shown.at(-1)).toBeNull();
  expect(shown.length).toBeLessThan(6);
});

it('shows nothing for a pace that only takes its time', async () => {
  const { pacers, runProgress: runs, shown } = open();
  const calls = pacers.ofRun(
    'api',
    { default: { requests: 5, perMs: 1000 } },
    'run',
    runs,
  )({ signal });
  const made = Array.from({ length: 30 }, () => call(calls, []).result);
  await vi.advanceTimersByTimeAsync(10_000);
  await Promise.all(made);
  expect(shown).toEqual([null]);
});

it('leaves the worker for a long wait, whichever run met it', async () => {
  const { pacers, runProgress: runs } = open();
  const refused = call(pacers.ofRun('api', {}, 'a', runs)({ signal }), [
    { limited: true, retryAfterMs: 90_000 },
  ]).result;
  const other = call(pacers.ofRun('api', {}, 'b', runs)({ signal }), [
    { limited: true, retryAfterMs: 90_000 },
  ]).result;
  const expected = { class: 'limited', retryAfterMs: expect.any(Number) as number };
  const both = Promise.all(
    [refused, other].map((one) => expect(one).rejects.toMatchObject(expected)),
  );
  await vi.advanceTimersByTimeAsync(5_000);
  await both;
});

it('prepares a call shortly before its moment, and sends nothing where that fails', async () => {
  const { pacers, runProgress: runs } = open();
  const make = pacers.ofRun('api', { default: { requests: 1, perMs: 1_000 } }, 'run', runs);
  const steps: string[] = [];
  const begun = Date.now();
  const step = (name: string, result?: Error) => async () => {
    steps.push(`${name} ${Math.round((Date.now() - begun) / 100)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (result !== undefined) throw result;
    return { value: name };
  };
  const prepare = (name: string, result?: Error) => async () => void (await step(name, result)());
  const first = make({ signal, fence: prepare('ask') }).make(step('first'));
  const second = make({ signal, fence: prepare('refuse', new Error('not mine')) })
    .make(step('second'))
    .catch((error: unknown) => error);
  const third = make({ signal, fence: prepare('ask') }).make(step('third'));
  await vi.advanceTimersByTimeAsync(5_000);
  await first;
  expect(await second).toMatchObject({ message: 'not mine' });
  await third;
  expect(steps).toEqual(['ask 0', 'first 0', 'refuse 10', 'ask 10', 'third 10']);
});

it.each([null, {}])(
  'asks the fence for calls with an effect alone, and what it throws keeps those from being sent (R6), quota %j',
  async (quota) => {
    const { pacers, runProgress } = open();
    const sent: string[] = [];
    const notMine = new Error('not mine');
    const fence = () => Promise.reject(notMine);
    const calls = pacers.ofRun('api', quota, 'run', runProgress)({ signal, fence });
    const make = (name: string, effect: boolean) =>
      calls.make(async () => ({ value: sent.push(name) }), { effect });
    const refused = make('start', true).catch((error: unknown) => error);
    const made = make('prepare', false);
    await vi.advanceTimersByTimeAsync(1_000);
    await made;
    expect(await refused).toBe(notMine);
    expect(sent).toEqual(['prepare']);
  },
);

it('prepares a call anew whose moment passed meanwhile', async () => {
  const { pacers, runProgress: runs } = open();
  const make = pacers.ofRun('api', { default: { requests: 100, perMs: 1_000 } }, 'run', runs);
  const steps: string[] = [];
  const fence = async () => {
    steps.push('ask');
    if (steps.length === 1) await new Promise((resolve) => setTimeout(resolve, 3_000));
  };
  const made = make({ signal, fence }).make(async () => ({ value: steps.push('call') }));
  await vi.advanceTimersByTimeAsync(5_000);
  await made;
  expect(steps).toEqual(['ask', 'ask', 'call']);
});

it('a call that nobody wants any more leaves its turn to the next', async () => {
  const { pacers, runProgress: runs } = open();
  const callsUntil = pacers.ofRun('api', { default: { requests: 1, perMs: 1000 } }, 'run', runs);
  const made: string[] = [];
  const make = (name: string, until = signal) =>
    callsUntil({ signal: until }).make(async () => ({ value: made.push(name) }));
  await Promise.all([make('first'), vi.advanceTimersByTimeAsync(500)]);
  const unwanted = new AbortController();
  const second = make('second', unwanted.signal);
  void make('third');
  unwanted.abort();
  await expect(second).rejects.toBe(unwanted.signal.reason);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(made).toEqual(['first', 'third']);
});

it('tells whoever checks a connection of a limit, and does not keep them waiting (R9)', async () => {
  const { pacers } = open();
  const calls = pacers.ofNobody('api', {})({ signal });
  const refused = call(calls, [{ limited: true, retryAfterMs: 9_000 }]);
  await vi.advanceTimersByTimeAsync(100);
  await expect(refused.result).resolves.toBe(1);
  const next = call(calls, []);
  const told = next.result.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(2_100);
  expect(await told).toMatchObject({ class: 'limited' });
  expect(next.made()).toBe(0);
});

it('buckets of a connection are paced apart', async () => {
  const { pacers, runProgress: runs } = open();
  const quota = {
    default: { requests: 1, perMs: 10_000 },
    search: { requests: 100, perMs: 1_000 },
  };
  const calls = pacers.ofRun('api', quota, 'run', runs)({ signal });
  const made: string[] = [];
  const make = (name: string, bucket?: string) =>
    calls.make(
      async () => ({ value: made.push(name) }),
      bucket === undefined ? undefined : { bucket },
    );
  void make('first');
  void make('late').catch(() => undefined);
  void make('found', 'search');
  void make('found too', 'search');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(made).toEqual(['first', 'found', 'found too']);
});
