import type { FieldType } from '../../../model/field.ts';

const byBase: Readonly<Record<string, FieldType>> = {
  smallint: 'integer',
  integer: 'integer',
  bigint: 'integer',
  oid: 'integer',
  numeric: 'decimal',
  money: 'text',
  real: 'float',
  'double precision': 'float',
  boolean: 'boolean',
  date: 'date',
  'time without time zone': 'time',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
  json: 'json',
  jsonb: 'json',
  bytea: 'bytes',
  uuid: 'text',
};

/** Returns the kind of values that a PostgreSQL type holds. */
export function fieldTypeOf(base: string, category: string): FieldType {
  if (category === 'A') return 'array';
  const known = byBase[base];
  if (known) return known;
  return category === 'S' || category === 'E' ? 'text' : 'unknown';
}
