import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../../src/engine/run/steps.ts';

/** Whatever works for longer lets others go in between: a call that misses its moment is a part of the quota lost. Milliseconds. */
export const turnMs = 1.5;

let last: Promise<void> = Promise.resolve();

/** Does work step by step, and lets whatever else waits in the process go in between. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (let began = performance.now(); ;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() - began < turnMs) continue;
    await nextTurn();
    began = performance.now();
  }
}

/** One after the other, each in a round of its own: between two of them all that came in meanwhile is seen to. */
function nextTurn(): Promise<void> {
  last = last.then(() => setImmediate());
  return last;
}
