import { z } from 'zod';

const name = z.string().min(1);
const size = z.number().int().min(1).default(100).describe('Records per page. Default 100.');
const more = name
  .optional()
  .describe('Dotted path of a boolean in the answer: whether more pages follow.');

const stable = z
  .boolean()
  .default(false)
  .describe(
    'The order never changes while the list is read: sorted by something that stays, such as the id. A mirror asks for it. Default false.',
  );

const ahead = z
  .number()
  .int()
  .min(1)
  .max(500)
  .default(1)
  .describe(
    'How many pages are asked for at once while more follow. Above 1 a slow API is read as fast as its quota allows; up to as many calls may go past the end of the list. By page it takes stable: true. Default 1.',
  );

/**
 * The schema of `pagination:`. Lists by page, offset and last record end at an empty page unless `more` says so sooner. With
 * `method: POST` the parameters are dotted paths of the body.
 */
export const paginationSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z
    .strictObject({
      type: z.literal('page'),
      parameter: name.default('page').describe('Parameter of the page number. Default page.'),
      first: z.number().int().min(0).default(1).describe('Number of the first page. Default 1.'),
      sizeParameter: name.default('per_page').describe('Parameter of the size. Default per_page.'),
      size,
      more,
      stable,
      ahead,
    })
    // A record that moves onto a page which was answered before its own would be missed.
    .refine((paging) => paging.ahead === 1 || paging.stable, {
      path: ['ahead'],
      error: 'pages by number are asked for ahead only of a list that is stable: true',
    }),
  z.strictObject({
    type: z.literal('offset'),
    parameter: name.default('offset').describe('Parameter of the offset. Default offset.'),
    sizeParameter: name.default('limit').describe('Parameter of the size. Default limit.'),
    size,
    more,
    stable,
    ahead,
  }),
  z.strictObject({
    type: z.literal('cursor'),
    parameter: name.default('cursor').describe('Parameter of the cursor. Default cursor.'),
    next: name.default('next').describe('Dotted path of the next cursor. Default next.'),
    sizeParameter: name.default('limit').describe('Parameter of the size. Default limit.'),
    size,
    more,
  }),
  z.strictObject({
    type: z.literal('last_record'),
    parameter: name
      .default('starting_after')
      .describe('Parameter of the cursor. Default starting_after.'),
    field: name
      .default('id')
      .describe('Dotted path of the field of the last record that is the cursor. Default id.'),
    sizeParameter: name.default('limit').describe('Parameter of the size. Default limit.'),
    size,
    more,
  }),
  z.strictObject({
    type: z.literal('link'),
    next: name
      .optional()
      .describe('Dotted path of the next address. Default: the Link header, rel="next".'),
    sizeParameter: name.default('limit').describe('Parameter of the size. Default limit.'),
    size,
  }),
]);
