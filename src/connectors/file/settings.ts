import { z } from 'zod';
import { encodingNamed } from './stored/encoding.ts';

/** Settings of a `file` connection. */
export const settingsSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('The base directory. Streams name files inside it, never outside.'),
});

/** Checked settings of a `file` connection. */
export type FileSettings = z.infer<typeof settingsSchema>;

const shared = {
  format: z
    .enum(['csv', 'jsonl', 'json'])
    .optional()
    .describe('How the file is written. Default: as its extension and its first lines say.'),
  encoding: z
    .string()
    .refine((label) => encodingNamed(label) !== undefined, 'not the name of an encoding')
    .optional()
    .describe(
      'Encoding of a file without a byte order mark, such as windows-1252. Default: utf-8.',
    ),
  delimiter: z
    .string()
    .min(1)
    .regex(/^[^"\r\n]+$/, 'a delimiter holds no quotes and no line breaks')
    .optional()
    .describe('CSV: what stands between two cells. Default: a comma; a tab in a .tsv file.'),
  nullAs: z
    .array(z.string().regex(/^[^"\r\n]*$/, 'a null marker holds no quotes and no line breaks'))
    .default([])
    .describe('CSV: texts that mean null in a cell without quotes, such as NULL or \\N.'),
};

/** The options of `source:` for a file. */
export const sourceOptionsSchema = z.strictObject({
  ...shared,
  emptyAsNull: z
    .boolean()
    .optional()
    .describe(
      'CSV: an empty cell without quotes is null rather than an empty text. Default: true for a file whose header is in quotes.',
    ),
  malformed: z
    .enum(['error', 'stop'])
    .default('stop')
    .describe(
      'Whether a row that cannot be read is a record error or stops the run, as it always does in a mirror.',
    ),
});

/** Checked options of a file that is read. */
export type SourceOptions = z.infer<typeof sourceOptionsSchema>;

/** The options of `destination:` for a file. */
export const destinationOptionsSchema = z.strictObject({
  ...shared,
  neutralizeFormulas: z
    .boolean()
    .default(false)
    .describe("CSV: put ' before texts that a spreadsheet would take for a formula."),
});
