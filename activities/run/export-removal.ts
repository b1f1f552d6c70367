import { operationsCodec } from '../../src/engine/run/chunk-codec.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import { noStats, type RecordError, type Stats } from '../../src/model/outcome.ts';
import type { RunActivities } from '../activities.ts';
import { exportOperations } from '../export/export-operations.ts';
import { attemptNumber, fencingToken } from '../host/fencing-token.ts';
import { inTurns } from '../host/in-turns.ts';
import type { Shared } from '../session/session.ts';
import { withSession } from '../host/with-session.ts';

/** Removes what `planRemoval` pinned; a dry run only counts it. */
export function exportRemoval(deps: Shared): RunActivities['exportRemoval'] {
  return ({ run, chunk }) =>
    withSession(deps, run, async (session, signal) => {
      const { store } = deps;
      const state = await store.chunks.get(run, chunk);
      if (state?.state === 'exported') return state.stats;
      const token = fencingToken();
      await store.chunks.claim(run, chunk, token);
      const { destination, plan } = session;
      const dryRun = plan.options.dryRun === true;
      let removed: number;
      faultPoint('removal.before-remove');
      let errors: readonly RecordError[] = [];
      if (destination.kind === 'staging') {
        if (dryRun) removed = (await destination.planRemoval(run)).remove;
        else ({ removed, errors } = await destination.remove(run, signal));
      } else {
        const text = (await store.chunks.staged(run, chunk, 'operations')) ?? '';
        const operations = await inTurns(operationsCodec.decode(text));
        const owner = { run, no: chunk, token };
        const failed = dryRun
          ? []
          : await exportOperations(deps, session, destination, owner, operations, {
              signal,
              attempt: attemptNumber(),
            });
        errors = failed.map(({ error }) => error);
        removed = operations.length - failed.length;
      }
      faultPoint('removal.after-remove');
      const stats: Stats = { ...noStats, removed, removeErrors: errors.length };
      await store.chunks.commit(run, chunk, token, { state: 'exported', stats, errors });
      faultPoint('removal.after-commit');
      return stats;
    });
}
