import type { RunActivities } from '../activities.ts';
import { type WorkerDependencies, withSession } from '../session/with-session.ts';
import { stepOf } from '../host/attempt.ts';
import type { Dependencies } from '../host/dependencies.ts';

/**
 * Writes a chunk. Called again after a failure, it repeats nothing that was acknowledged and returns the same stats.
 */
export function exportChunk(deps: WorkerDependencies): RunActivities['exportChunk'] {
  return async ({ run, chunk }) => {
    const answer = await withSession(deps, run, async ({ path }, signal) => {
      const state = await deps.store.chunks.get(run, chunk);
      return state?.state === 'exported' ? state.stats : path.export(stepOf(run, chunk, signal));
    });
    return showWait(deps, run, answer);
  };
}

/** When a step waits for a long job, shows in the run how long it waits. Returns the step's answer. */
export async function showWait<T extends object>(
  { store }: Dependencies,
  run: string,
  answer: T,
): Promise<T> {
  if ('waitMs' in answer && typeof answer.waitMs === 'number')
    await store.runProgress.waitUntil(run, new Date(Date.now() + answer.waitMs));
  return answer;
}
