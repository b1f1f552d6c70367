export { entityCycle } from './entity-cycle.ts';
export { scheduledCycle } from './scheduled-cycle.ts';
export { scheduledSync } from './scheduled-sync.ts';
export { syncRun } from './sync-run.ts';
