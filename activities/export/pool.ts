import { turnMs } from '../host/in-turns.ts';

/**
 * The most calls of one activity that are under way or wait for the quota at once. The quota decides how fast they go.
 */
export const mostCallsAtOnce = 512;

/**
 * Runs `run` for the items at the front of `todo` until it is empty and all are done. `run` may add items. The first
 * error ends the pool and empties `todo`.
 * @param width returns how many items may be under way at once; asked before each
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
      // A put-off call may come after the end, when `todo` holds items of another pool.
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
