import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Steering } from './steering.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('tells the activities of steered runs for as long as the state database says so', async () => {
  let steered: string[] = [];
  const steering = new Steering({
    steered: async (ids) => steered.filter((id) => ids.includes(id)),
  });
  const told = { one: 0, two: 0 };
  const unwatch = steering.watch('one', () => (told.one += 1));
  steering.watch('two', () => (told.two += 1));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told).toEqual({ one: 0, two: 0 });
  steered = ['one', 'three'];
  await vi.advanceTimersByTimeAsync(2_000);
  expect(told).toEqual({ one: 4, two: 0 });
  unwatch();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(told.one).toBe(4);
});

it('asks about all runs at once, only while there are any, and goes on after a failure', async () => {
  const asked: (readonly string[])[] = [];
  const steering = new Steering({
    steered: async (ids) => {
      asked.push(ids);
      if (asked.length === 1) throw new Error('down');
      return ['one'];
    },
  });
  let told = 0;
  const ends = ['one', 'one', 'two'].map((run) => steering.watch(run, () => (told += 1)));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toEqual([
    ['one', 'two'],
    ['one', 'two'],
  ]);
  expect(told).toBe(2);
  for (const end of ends) end();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toHaveLength(2);
  steering.watch('three', () => undefined);
  await vi.advanceTimersByTimeAsync(500);
  expect(asked.at(-1)).toEqual(['three']);
});
