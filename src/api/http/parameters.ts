import { z } from '@hono/zod-openapi';

/** The path parameter of one thing, which may not exist. */
export const idParams = z.object({ id: z.string() });

/** The query parameters of every list: up to 200 entries, 50 by default. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Most entries to return.'),
  after: z.string().min(1).optional().describe('The `next` of the page before.'),
});
