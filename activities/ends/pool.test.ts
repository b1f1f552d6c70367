import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { runPool } from './pool.ts';

it('runs as many jobs at once as there is width, and those that jobs add', async () => {
  const todo = Array.from({ length: 20 }, (_, n) => n);
  const done: number[] = [];
  let underway = 0;
  let most = 0;
  await runPool(
    todo,
    () => 4,
    async (n) => {
      most = Math.max(most, (underway += 1));
      if (n === 19) todo.push(20, 21);
      await sleep(1);
      underway -= 1;
      done.push(n);
    },
  );
  expect(most).toBe(4);
  expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 22 }, (_, n) => n));
});

it('begins no other job after one that failed', async () => {
  let begun = 0;
  const jobs = runPool(
    Array.from({ length: 20 }, (_, n) => n),
    () => 4,
    async (n) => {
      begun += 1;
      await sleep(n === 2 ? 1 : 10);
      if (n === 2) throw new Error('down');
    },
  );
  await expect(jobs).rejects.toThrow('down');
  await sleep(30);
  expect(begun).toBe(4);
});
