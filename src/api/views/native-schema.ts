import { z } from '@hono/zod-openapi';

/**
 * Returns the JSON Schema of the values that `schema` takes (or, for `output`, gives), made by Zod itself. The OpenAPI
 * generator never ends on recursive schemas such as `z.json()`; these are shown as any value.
 */
export function nativeSchema(schema: z.ZodType, io: 'input' | 'output'): { type: 'object' } {
  const { $schema: _, $defs: __, ...rest } = z.toJSONSchema(schema, { io });
  const text = JSON.stringify(rest, (_key, value: unknown) => withoutRef(value));
  return JSON.parse(text) as { type: 'object' };
}

function withoutRef(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('$ref' in value)) return value;
  const { $ref: _, ...rest } = value;
  return rest;
}
