import { z } from '@hono/zod-openapi';
import type { FieldType } from '../../model/field.ts';

/** Schema of a connection as it is declared; the connector of its type checks the settings. */
export const connectionInputSchema = z
  .looseObject({
    type: z.string().min(1).describe('The kind of system, such as `postgres`.'),
  })
  .openapi('ConnectionInput');

/** Schema of a connection as it is shown, without its secrets. */
export const connectionSchema = z
  .looseObject({ id: z.string(), type: z.string() })
  .openapi('Connection');

/** Schema of the result of a check. */
export const checkSchema = z
  .union([
    z.object({ ok: z.literal(true) }),
    z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
  ])
  .openapi('Check');

const fieldTypes = [
  'text',
  'integer',
  'decimal',
  'float',
  'boolean',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'json',
  'bytes',
  'array',
  'unknown',
] as const satisfies readonly FieldType[];

/** Schema of one discovered stream. */
export const streamSchema = z
  .object({
    name: z.string(),
    fields: z.array(
      z.object({
        name: z.string(),
        type: z.enum(fieldTypes),
        native: z.string().optional().describe("The type's name in its own system."),
        nullable: z.boolean().optional(),
      }),
    ),
    primaryKey: z.array(z.string()),
  })
  .openapi('Stream');
