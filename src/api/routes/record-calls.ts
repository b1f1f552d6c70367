import { createRoute, z } from '@hono/zod-openapi';
import { json, problems } from '../http/responses.ts';
import { goldenSchema } from '../views/golden-view.ts';
import { originSchema } from '../views/origin-view.ts';
import { recordParams } from './entity-calls.ts';

const tags = ['entities'];
const fieldParams = recordParams.extend({ field: z.string().min(1) });

/** Shows one record. */
export const record = createRoute({
  method: 'get',
  path: '/v1/entities/{id}/records/{record}',
  tags,
  summary: 'One unified record',
  request: {
    params: recordParams,
    query: z.object({
      provenance: z
        .enum(['true', 'false'])
        .optional()
        .describe('Whether the origin of each field is shown too. Default false.'),
    }),
  },
  responses: {
    200: json(
      'The record.',
      goldenSchema.extend({
        provenance: z
          .record(z.string(), originSchema)
          .optional()
          .describe('Per field that is set: who set it, when, by which rule, and what lost.'),
      }),
    ),
    ...problems(404, 422),
  },
});

/** Sets a field by hand. */
export const setField = createRoute({
  method: 'put',
  path: '/v1/entities/{id}/records/{record}/fields/{field}',
  tags,
  summary: 'Set a field by hand',
  description:
    'No source changes the field until it is taken back. Destinations get it with the next cycle or run.',
  request: {
    params: fieldParams,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z
            .strictObject({
              value: z
                .unknown()
                .refine((value) => value !== undefined, 'must be given')
                .describe('A value of the type of the field, or null.'),
              reason: z.string().min(1).max(1000),
            })
            .openapi('FieldByHand'),
        },
      },
    },
  },
  responses: { 200: json('The record.', goldenSchema), ...problems(404, 409, 422) },
});

/** Takes back what a person set. */
export const takeBackField = createRoute({
  method: 'delete',
  path: '/v1/entities/{id}/records/{record}/fields/{field}',
  tags,
  summary: 'Take back a field that was set by hand: the sources decide again',
  request: { params: fieldParams },
  responses: { 200: json('The record.', goldenSchema), ...problems(404, 409, 422) },
});
