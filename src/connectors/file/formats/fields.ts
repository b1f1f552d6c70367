import type { Field, FieldType } from '../../../model/field.ts';
import { ExactNumber, type Json } from '../../../model/json.ts';
import { csvHeader } from './csv.ts';
import type { Format } from './format.ts';
import { start, type Reading } from './position.ts';
import { readRecords } from './records.ts';

/** The number of records that are read to learn the fields of a file without a header. */
const sampleSize = 1000;

/** Returns the fields of a stream: those that the files' headers name, else those of the first 1000 records. */
export async function fieldsOf(format: Format, files: readonly Reading[]): Promise<Field[]> {
  if (format === 'csv') return columnsOf(files);
  const types = new Map<string, FieldType>();
  let left = sampleSize;
  for (const file of files) {
    for await (const { record } of readRecords(format, file, start)) {
      for (const [name, value] of Object.entries(record)) {
        types.set(name, common(types.get(name), typeOf(value)));
      }
      left -= 1;
      if (left === 0) return listed(types);
    }
  }
  return listed(types);
}

async function columnsOf(files: readonly Reading[]): Promise<Field[]> {
  const names = new Set<string>();
  for (const file of files) for (const name of await csvHeader(file)) names.add(name);
  return [...names].map((name) => ({ name, type: 'text' }));
}

function listed(types: ReadonlyMap<string, FieldType>): Field[] {
  return [...types].map(([name, type]) => ({ name, type }));
}

/**
 * Returns the type of a field that held values of two types. One that was null so far takes the other type; integers
 * and decimals are decimals; any other two types are JSON.
 */
function common(known: FieldType | undefined, next: FieldType): FieldType {
  if (known === undefined || known === 'unknown' || known === next) return next;
  if (next === 'unknown') return known;
  const numbers: readonly FieldType[] = ['integer', 'decimal'];
  return numbers.includes(known) && numbers.includes(next) ? 'decimal' : 'json';
}

function typeOf(value: Json): FieldType {
  if (value === null) return 'unknown';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'boolean';
  if (value instanceof ExactNumber) return /^-?\d+$/.test(value.digits) ? 'integer' : 'decimal';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'decimal';
  return 'json';
}
