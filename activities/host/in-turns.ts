import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../../src/engine/run/steps.ts';

/**
 * The longest time that work keeps the process to itself. A call that must wait longer misses its slot, and that part
 * of the quota is lost. Milliseconds.
 */
export const turnMs = 1.5;

let last: Promise<void> = Promise.resolve();

/** Does work step by step. After every 1.5 ms it lets everything else that waits in the process go first. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (let began = performance.now(); ;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() - began < turnMs) continue;
    await nextTurn();
    began = performance.now();
  }
}

/** Waits for a round of the event loop of one's own, so that several pieces of work do not take turns in one round. */
function nextTurn(): Promise<void> {
  last = last.then(() => setImmediate());
  return last;
}
