import { expect, test } from 'vitest';
import type { Steps } from '../../src/engine/run/steps.ts';
import { inTurns, turnMs } from './in-turns.ts';

/** Work for so many turns, two steps each; where the process is held up, for more. */
function* busy(turns: number, log: string[] = [], name = ''): Steps<number> {
  let steps = 0;
  for (; steps < 2 * turns; steps++) {
    if (log.at(-1) !== name) log.push(name);
    for (const end = performance.now() + turnMs / 2; performance.now() < end;);
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
  expect(await inTurns(busy(40))).toBeGreaterThan(40);
  over = true;
  expect(rounds).toBeGreaterThan(10);
});

test('work that goes on at once takes turns', async () => {
  const log: string[] = [];
  await Promise.all(['a', 'b'].map((name) => inTurns(busy(10, log, name))));
  expect(log.slice(0, 8)).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']);
});

test('what it throws is thrown', async () => {
  await expect(inTurns(broken())).rejects.toThrow('broken');
});
