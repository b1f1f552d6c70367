import type { CycleActivities, RunActivities } from './activities.ts';
import { closeRun } from './close-run.ts';
import { closeCycle } from './entity/close-cycle.ts';
import { detachMissing } from './entity/detach-missing.ts';
import { mergeDuplicates } from './entity/merge-duplicates.ts';
import { openCycle } from './entity/open-cycle.ts';
import { scanSource } from './entity/scan-source.ts';
import { unifySource } from './entity/unify-source.ts';
import { exportChunk } from './export-chunk.ts';
import { exportRemoval } from './export-removal.ts';
import { guarded } from './guarded.ts';
import { importPage } from './import-page.ts';
import { matchChunk } from './match-chunk.ts';
import { noteRun } from './note-run.ts';
import { noteSkippedTick } from './note-skipped-tick.ts';
import { openRun } from './open-run.ts';
import { planRemoval } from './plan-removal.ts';
import { Sessions, type Dependencies } from './session.ts';
import { Steering } from './steering.ts';

/** Every activity, over what it needs. */
export function createActivities(dependencies: Dependencies): RunActivities & CycleActivities {
  const deps = {
    ...dependencies,
    sessions: new Sessions(dependencies),
    steering: new Steering(dependencies.store.runs),
  };
  return guarded({
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
