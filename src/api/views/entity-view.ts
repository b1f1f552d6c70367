import { z } from '@hono/zod-openapi';
import { entitySchema } from '../../model/entity.ts';
import { nativeSchema } from './native-schema.ts';
import { scheduleStateSchema, scheduleStateView } from './schedule-state-view.ts';
import type { EntityView } from '../services.ts';

/** An entity, as it is declared. */
export const entityBodySchema = entitySchema
  .extend({})
  .openapi('EntitySpec', nativeSchema(entitySchema, 'input'));

const shown = entitySchema.extend({
  id: z.string(),
  scheduleState: scheduleStateSchema.nullable().describe('Null without a schedule.'),
  links: z.object({
    self: z.string(),
    runs: z.string(),
    records: z.string(),
    lag: z.string(),
    duplicates: z.string(),
  }),
});

/** An entity, as the API shows it. */
export const entityViewSchema = shown.openapi('Entity', nativeSchema(shown, 'output'));

/** An entity's JSON. */
export type EntityJson = z.infer<typeof entityViewSchema>;

/** Maps an entity to its JSON. */
export function entityView(entity: EntityView): EntityJson {
  const { id, scheduleState, ...spec } = entity;
  const self = `/v1/entities/${id}`;
  return {
    id,
    ...spec,
    scheduleState: scheduleState && scheduleStateView(scheduleState),
    links: {
      self,
      runs: `/v1/runs?entity=${id}`,
      records: `${self}/records`,
      lag: `${self}/lag`,
      duplicates: `${self}/duplicates`,
    },
  };
}
