import { faultPoint } from '../../src/model/fault-point.ts';
import { noStats, type Stats } from '../../src/model/outcome.ts';
import type { RunActivities } from '../activities.ts';
import { type WorkerDependencies, withSession } from '../session/with-session.ts';
import { stepOf } from '../host/attempt.ts';
import { showWait } from './export-chunk.ts';

/** Removes the records that `planRemoval` pinned. A dry run only counts them. */
export function exportRemoval(deps: WorkerDependencies): RunActivities['exportRemoval'] {
  return async ({ run, chunk }) => {
    const answer = await withSession(deps, run, async ({ path }, signal) => {
      const { chunks } = deps.store;
      const state = await chunks.get(run, chunk);
      if (state?.state === 'exported') return state.stats;
      const step = stepOf(run, chunk, signal);
      await chunks.claim(run, chunk, step.token);
      faultPoint('removal.before-remove');
      const done = await path.remove(step);
      if ('waitMs' in done) return done;
      const { removed, errors } = done;
      faultPoint('removal.after-remove');
      const stats: Stats = { ...noStats, removed, removeErrors: errors.length };
      await chunks.commit(run, chunk, step.token, { state: 'exported', stats, errors });
      faultPoint('removal.after-commit');
      return stats;
    });
    return showWait(deps, run, answer);
  };
}
