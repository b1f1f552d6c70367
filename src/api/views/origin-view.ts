import { z } from '@hono/zod-openapi';
import type { FieldOrigin } from '../../model/field-origin.ts';
import { decisionSchema, sourceNameSchema, sourceTimeSchema } from './golden-view.ts';
import { shownJson } from './shown-json.ts';

const saidSchema = z.object({
  value: z.unknown(),
  source: sourceNameSchema,
  at: sourceTimeSchema,
  by: decisionSchema,
});

/** Schema of the origin of one field's value, as the API shows it. */
export const originSchema = saidSchema
  .extend({
    cycle: z.number().int().describe('The cycle that set it.'),
    reason: z.string().optional().describe('The reason that a person gave.'),
    lost: z
      .array(
        saidSchema.extend({
          how: z
            .enum(['refused', 'overwritten', 'merged'])
            .describe('`merged`: a record that was merged into this one had it.'),
          cycle: z
            .number()
            .int()
            .nullable()
            .describe('The cycle that decided; null when only the system itself tells of it.'),
        }),
      )
      .describe('What each other source said last and the field does not have, newest first.'),
  })
  .openapi('FieldOrigin');

/** An origin's JSON. */
export type OriginJson = z.infer<typeof originSchema>;

/** Maps the origins of a record's fields to their JSON. */
export function originsView(origins: Readonly<Record<string, FieldOrigin>>) {
  return Object.fromEntries(
    Object.entries(origins).map(([field, origin]): [string, OriginJson] => [
      field,
      {
        ...origin,
        value: shownJson(origin.value),
        lost: origin.lost.map((one) => ({ ...one, value: shownJson(one.value) })),
      },
    ]),
  );
}
