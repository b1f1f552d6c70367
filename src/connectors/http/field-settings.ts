import { z } from 'zod';

const text = z.string().min(1);

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
] as const;

/** The schema of a field: its type, or its type and what the API says of it. */
export const fieldSchema = z.union([
  z.enum(fieldTypes),
  z
    .strictObject({
      type: z.enum(fieldTypes).default('unknown').describe('The type of its values.'),
      label: text.optional().describe('The name that people see.'),
      readable: z
        .boolean()
        .optional()
        .describe('false: the API never tells its values. Default true.'),
      creatable: z.boolean().optional().describe('false: a create may not set it. Default true.'),
      updatable: z
        .boolean()
        .optional()
        .describe('false: an update may not change it. Default true.'),
      required: z.boolean().optional().describe('true: a create must set it. Default false.'),
      unique: z
        .boolean()
        .optional()
        .describe('true: no two records have the same value. Default false.'),
      values: z
        .array(text)
        .min(1)
        .optional()
        .describe('The only texts that it takes. Default: any.'),
    })
    .refine(({ creatable, required }) => required !== true || creatable !== false, {
      path: ['required'],
      error: 'a create cannot set what it must',
    }),
]);
