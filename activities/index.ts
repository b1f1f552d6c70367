import type { CycleActivities, RunActivities } from './activities.ts';
import { closeRun } from './run/close-run.ts';
import { closeCycle } from './cycle/close-cycle.ts';
import { detachMissing } from './cycle/detach-missing.ts';
import { mergeDuplicates } from './cycle/merge-duplicates.ts';
import { openCycle } from './cycle/open-cycle.ts';
import { scanSource } from './cycle/scan-source.ts';
import { unifySource } from './cycle/unify-source.ts';
import { exportChunk } from './run/export-chunk.ts';
import { exportRemoval } from './run/export-removal.ts';
import { withSafeFailures } from './host/safe-failures.ts';
import { importPage } from './run/import-page.ts';
import { matchChunk } from './run/match-chunk.ts';
import { noteRun, noteSkippedTick } from './run/notes.ts';
import { openRun } from './run/open-run.ts';
import { planRemoval } from './run/plan-removal.ts';
import type { Dependencies } from './host/dependencies.ts';
import { Sessions } from './session/sessions.ts';
import { Steering } from './host/steering.ts';

/** Returns all activities, with the parts that they work with. */
export function createActivities(dependencies: Dependencies): RunActivities & CycleActivities {
  const deps = {
    ...dependencies,
    sessions: new Sessions(dependencies),
    steering: new Steering(dependencies.store.runProgress),
  };
  return withSafeFailures({
    openRun: openRun(deps),
    importPage: importPage(deps),
    matchChunk: matchChunk(deps),
    exportChunk: exportChunk(deps),
    planRemoval: planRemoval(deps),
    exportRemoval: exportRemoval(deps),
    noteRun: noteRun(deps),
    closeRun: closeRun(deps),
    noteSkippedTick: noteSkippedTick(deps),
    openCycle: openCycle(deps),
    unifySource: unifySource(deps),
    scanSource: scanSource(deps),
    detachMissing: detachMissing(deps),
    mergeDuplicates: mergeDuplicates(deps),
    closeCycle: closeCycle(deps),
  });
}
