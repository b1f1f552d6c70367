import type { RunActivities } from '../activities.ts';
import type { Dependencies } from '../host/dependencies.ts';

/** Notes the run's state for readers outside Temporal. */
export function noteRun({ store }: Dependencies): RunActivities['noteRun'] {
  return ({ run, ...change }) => store.runProgress.note(run, change);
}

/** Notes a scheduled run that did not start because one was open. */
export function noteSkippedTick({ store }: Dependencies): RunActivities['noteSkippedTick'] {
  return ({ sync }) => store.skippedTicks.add(sync);
}
