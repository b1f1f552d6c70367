import type { Field, FieldType } from '../../model/field.ts';
import { ExactNumber, type Json, type JsonObject } from '../../model/json.ts';
import type { StreamSettings } from './settings.ts';

/** The fields that the settings declare; undefined where they declare none. */
export function declaredFields(stream: StreamSettings): Field[] | undefined {
  if (!stream.fields) return undefined;
  return Object.entries(stream.fields).map(([name, said]) =>
    // A fact that is not said is absent, also where its type has it undefined.
    typeof said === 'string' ? { name, type: said } : ({ name, ...said } as Field),
  );
}

/** The fields that records have, in the order they first appear; types that disagree are `unknown`. */
export function sampleFields(records: readonly JsonObject[]): Field[] {
  const types = new Map<string, FieldType | undefined>();
  for (const record of records)
    for (const [name, value] of Object.entries(record))
      types.set(name, joined(types.get(name), typeOf(value)));
  return [...types].map(([name, type]) => ({ name, type: type ?? 'unknown' }));
}

function typeOf(value: Json): FieldType | undefined {
  if (value === null) return undefined;
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'decimal';
  if (value instanceof ExactNumber) return /^-?\d+$/.test(value.digits) ? 'integer' : 'decimal';
  return 'json';
}

function joined(a: FieldType | undefined, b: FieldType | undefined): FieldType | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  const numbers = new Set<FieldType>(['integer', 'decimal']);
  return numbers.has(a) && numbers.has(b) ? 'decimal' : 'unknown';
}
