import { z } from 'zod';

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
    .describe('How the file is written. Default: as its extension says.'),
  delimiter: z
    .string()
    .length(1)
    .optional()
    .describe('CSV: what stands between two cells. Default: a comma; a tab in a .tsv file.'),
};

/** What `source:` may say for a file. */
export const sourceOptionsSchema = z.strictObject({
  ...shared,
  emptyAsNull: z
    .boolean()
    .default(false)
    .describe('CSV: an empty cell is null rather than an empty text.'),
});

/** What `destination:` may say for a file. */
export const destinationOptionsSchema = z.strictObject({
  ...shared,
  neutralizeFormulas: z
    .boolean()
    .default(false)
    .describe("CSV: put ' before texts that a spreadsheet would take for a formula."),
});
