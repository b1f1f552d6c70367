/**
 * Takes jobs off the front of `todo` until it is empty and all are done; a job may add more. Jobs must not throw.
 * @param lanes most jobs under way at once, asked before each
 */
export async function runPool<T>(
  todo: T[],
  lanes: () => number,
  run: (job: T) => Promise<void>,
): Promise<void> {
  const underway = new Set<Promise<void>>();
  while (todo.length > 0 || underway.size > 0) {
    while (todo.length > 0 && underway.size < lanes()) start(todo.shift() as T);
    await Promise.race(underway);
  }

  function start(job: T): void {
    const done: Promise<void> = run(job).finally(() => underway.delete(done));
    underway.add(done);
  }
}
