import type { Dependencies } from '../host/dependencies.ts';

/** Shows in the run until when it waits, where a step waits for a long job; returns the answer. */
export async function showWait<T extends object>(
  { store }: Dependencies,
  run: string,
  answer: T,
): Promise<T> {
  if ('waitMs' in answer && typeof answer.waitMs === 'number')
    await store.runs.waitUntil(run, new Date(Date.now() + answer.waitMs));
  return answer;
}
