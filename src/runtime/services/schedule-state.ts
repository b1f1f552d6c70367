import type { ScheduleState } from '../../api/services.ts';
import type { ScheduleSpec } from '../../model/sync.ts';
import { cycleSyncId } from '../../model/workflow.ts';
import type { Store } from '../../store/store.ts';
import type { Scheduled, Schedules } from '../schedules.ts';

/** Returns the state of the schedule of a sync or an entity; null when it has none. */
export async function scheduleStateOf(
  store: Store,
  schedules: Schedules,
  what: Scheduled,
  { schedule }: { readonly schedule?: ScheduleSpec | undefined },
): Promise<ScheduleState | null> {
  if (schedule === undefined) return null;
  const [state, skipped] = await Promise.all([
    schedules.state(what),
    store.skippedTicks.of(what.kind === 'sync' ? what.id : cycleSyncId(what.id)),
  ]);
  return {
    ...(state ?? { paused: true }),
    skippedTicks: skipped.count,
    ...(skipped.last !== null && { lastSkipped: skipped.last }),
  };
}
