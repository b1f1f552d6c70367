import { expect, it } from 'vitest';
import { chunkSize } from './chunk-size.ts';

it('begins with some hundred calls, and no more records than a fast destination needs', () => {
  expect(chunkSize([], 1)).toBe(250);
  expect(chunkSize([], 10)).toBe(2500);
  expect(chunkSize([], 1000)).toBe(5000);
});

it('lets a chunk take half a minute, in calls that are full', () => {
  const latest = [3000, 4000, 5000].map((records) => ({ records, ms: records * 2.01 }));
  expect(chunkSize(latest, 100)).toBe(14_900);
});

it('grows step by step to a bound', () => {
  const sizes = [100, 800, 6400].map((records) => chunkSize([{ records, ms: 1 }], 1));
  expect(sizes).toEqual([800, 6400, 20_000]);
});

it('follows a destination that became slow, down to where it began', () => {
  const fast = { records: 20_000, ms: 30_000 };
  expect(chunkSize([{ records: 20_000, ms: 600_000 }, fast, fast], 100)).toBe(5000);
  expect(chunkSize([{ records: 3, ms: 600_000 }], 100)).toBe(5000);
});
