import { expect, test } from 'vitest';
import type { Steps } from '../src/engine/steps.ts';
import { inTurns, turnMs } from './in-turns.ts';

/** Keeps the process busy for `ms`, a little a step. */
function* busy(ms: number, log: string[] = [], name = ''): Steps<number> {
  const end = performance.now() + ms;
  let steps = 0;
  for (; performance.now() < end; steps++) {
    if (log.at(-1) !== name) log.push(name);
    yield;
  }
  return steps;
}

function* broken(): Steps<void> {
  yield;
  throw new Error('broken');
}

test('what comes in meanwhile waits for a turn, not for the whole work', async () => {
  let rounds = 0;
  let over = false;
  const count = (): void => {
    rounds += 1;
    if (!over) setTimeout(count, 0);
  };
  setTimeout(count, 0);
  expect(await inTurns(busy(40 * turnMs))).toBeGreaterThan(40);
  over = true;
  expect(rounds).toBeGreaterThan(10);
});

test('work that goes on at once takes turns', async () => {
  const log: string[] = [];
  await Promise.all(['a', 'b'].map((name) => inTurns(busy(10 * turnMs, log, name))));
  expect(log.slice(0, 8)).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']);
});

test('what it throws is thrown', async () => {
  await expect(inTurns(broken())).rejects.toThrow('broken');
});
