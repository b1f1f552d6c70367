import { turnMs } from '../host/in-turns.ts';

/** Calls of one activity under way or waiting for the quota at once; the throttle decides how fast they go. */
export const mostCallsAtOnce = 512;

/**
 * Takes jobs off the front of `todo` until it is empty and all are done; a job may add more. Ends with the first that
 * throws, and drops what is left of `todo` then.
 * @param width most jobs under way at once, asked before each
 */
export function runPool<T>(
  todo: T[],
  width: () => number,
  run: (job: T) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let underway = 0;
    let settled = false;
    const next = (): void => {
      // Put off from before the end: what `todo` holds now is not of this pool.
      if (settled) return;
      const began = performance.now();
      while (todo.length > 0 && underway < width()) {
        start(todo.shift() as T);
        if (performance.now() - began < turnMs) continue;
        setImmediate(next);
        return;
      }
      if (underway > 0) return;
      settled = true;
      resolve();
    };
    const start = (job: T): void => {
      underway += 1;
      const over = (): void => {
        underway -= 1;
        next();
      };
      void run(job).then(over, (error: unknown) => {
        todo.length = 0;
        settled = true;
        reject(error);
      });
    };
    next();
  });
}
