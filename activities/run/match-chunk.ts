import type { RunActivities } from '../activities.ts';
import type { Shared } from '../session/shared.ts';
import { stepOf } from '../host/step-of.ts';
import { withSession } from '../session/with-session.ts';

/** Decides what is to be done with a staged chunk. */
export function matchChunk(deps: Shared): RunActivities['matchChunk'] {
  return ({ run, chunk }) =>
    withSession(deps, run, ({ path }, signal) => path.match(stepOf(run, chunk, signal)));
}
