import type { RunActivities } from '../activities.ts';
import type { Shared } from '../session/shared.ts';
import { stepOf } from '../host/step-of.ts';
import { withSession } from '../session/with-session.ts';
import { showWait } from './show-wait.ts';

/** Writes a chunk. Repeated after any failure it returns the same stats and repeats nothing acknowledged. */
export function exportChunk(deps: Shared): RunActivities['exportChunk'] {
  return async ({ run, chunk }) => {
    const answer = await withSession(deps, run, async ({ path }, signal) => {
      const state = await deps.store.chunks.get(run, chunk);
      return state?.state === 'exported' ? state.stats : path.export(stepOf(run, chunk, signal));
    });
    return showWait(deps, run, answer);
  };
}
