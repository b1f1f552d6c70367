import type { RunActivities } from '../activities.ts';
import { type WorkerDependencies, withSession } from '../session/with-session.ts';
import { stepOf } from '../host/attempt.ts';

/** Decides the operations of a staged chunk. */
export function matchChunk(deps: WorkerDependencies): RunActivities['matchChunk'] {
  return ({ run, chunk }) =>
    withSession(deps, run, ({ path }, signal) => path.match(stepOf(run, chunk, signal)));
}
