import type { z } from 'zod';
import { headerOf } from '../formats/csv-rows.ts';
import { encodingNamed } from '../stored/encoding.ts';
import { codeOf } from '../failures.ts';
import { delimiterOf, formatIn, formatOf, isPackedName, type Format } from '../formats/format.ts';
import type { Reading } from '../formats/position.ts';
import { probe } from '../stored/probe.ts';
import type { destinationOptionsSchema, SourceOptions } from '../settings.ts';
import { stateOf } from '../stored/state.ts';
import type { Stored } from '../stored/stored.ts';
import type { RecordFile } from '../written/target.ts';

type DestinationOptions = z.infer<typeof destinationOptionsSchema>;
type Named = Pick<Stored, 'name' | 'path'>;

/**
 * Returns the rules for reading a file as a source. A writer that puts the header in quotes also quotes texts, so in
 * its files an empty cell without quotes is null rather than an empty text.
 */
export async function readingOf(
  file: Stored,
  format: Format,
  { delimiter, nullAs, emptyAsNull }: SourceOptions,
): Promise<Reading> {
  const reading = {
    ...file,
    delimiter: delimiterOf(file.name, delimiter),
    nulls: new Set(nullAs),
  };
  if (format !== 'csv') return reading;
  const isNull = emptyAsNull ?? (await headerOf(reading))?.quoted ?? false;
  return isNull ? { ...reading, nulls: new Set([...nullAs, '']) } : reading;
}

/** Returns a destination's file as it is now; null if it does not exist or is empty. */
export async function currentFile(
  file: Named,
  options: DestinationOptions,
): Promise<RecordFile | null> {
  try {
    if ((await stateOf(file)).size === 0) return null;
    const stored = await probe(file, options.encoding);
    const format = await formatIn(stored, options.format);
    return { format, file: written(stored, options) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Returns a destination's file that is yet to be made. */
export function newFile(file: Named, options: DestinationOptions): RecordFile {
  const stored = {
    ...file,
    encoding: encodingNamed(options.encoding ?? 'utf-8') ?? 'utf-8',
    compressed: isPackedName(file.name),
  };
  return { format: formatOf(file.name, options.format), file: written(stored, options) };
}

/** Adds the rule that an empty cell without quotes is null, which holds wherever Sluice writes. */
function written(file: Stored, { delimiter, nullAs }: DestinationOptions): Reading {
  const nulls = new Set([...nullAs, '']);
  return { ...file, delimiter: delimiterOf(file.name, delimiter), nulls };
}
