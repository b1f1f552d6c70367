import { z } from '@hono/zod-openapi';
import { nativeSchema } from './native-schema.ts';
import { syncSchema } from '../../model/sync.ts';
import { scheduleStateSchema, scheduleStateView } from './schedule-state-view.ts';
import type { SyncView } from '../services.ts';

/** A sync, as it is declared. */
export const syncBodySchema = syncSchema
  .extend({})
  .openapi('SyncSpec', nativeSchema(syncSchema, 'input'));

const shown = syncSchema.extend({
  id: z.string(),
  scheduleState: scheduleStateSchema.nullable().describe('Null without a schedule.'),
  links: z.object({ self: z.string(), runs: z.string() }),
});

/** A sync, as the API shows it. */
export const syncViewSchema = shown.openapi('Sync', nativeSchema(shown, 'output'));

/** A sync's JSON. */
export type SyncJson = z.infer<typeof syncViewSchema>;

/** Maps a sync to its JSON. */
export function syncView(sync: SyncView): SyncJson {
  const { id, scheduleState, ...spec } = sync;
  return {
    id,
    ...spec,
    scheduleState: scheduleState && scheduleStateView(scheduleState),
    links: { self: `/v1/syncs/${id}`, runs: `/v1/runs?sync=${id}` },
  };
}
