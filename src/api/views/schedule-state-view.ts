import { z } from '@hono/zod-openapi';
import type { ScheduleState } from '../services.ts';

/** Schema of the state of a schedule, as the API shows it. */
export const scheduleStateSchema = z.object({
  next: z.iso.datetime().nullable(),
  paused: z.boolean(),
  lastSkipped: z.iso.datetime().nullable().describe('The last tick that found a run open.'),
  skippedTicks: z.number().int().min(0),
});

/** Maps a schedule's state to its JSON. */
export function scheduleStateView(state: ScheduleState): z.infer<typeof scheduleStateSchema> {
  return {
    next: state.next?.toISOString() ?? null,
    paused: state.paused,
    lastSkipped: state.lastSkipped?.toISOString() ?? null,
    skippedTicks: state.skippedTicks,
  };
}
