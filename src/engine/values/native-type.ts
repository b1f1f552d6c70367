import type { FieldType } from '../../model/field.ts';

const types = new Map<string, FieldType>(
  Object.entries({
    int2: 'integer',
    int4: 'integer',
    int8: 'integer',
    smallint: 'integer',
    integer: 'integer',
    bigint: 'integer',
    oid: 'integer',
    numeric: 'decimal',
    decimal: 'decimal',
    float4: 'float',
    float8: 'float',
    real: 'float',
    'double precision': 'float',
    bool: 'boolean',
    boolean: 'boolean',
    date: 'date',
    timestamp: 'timestamp',
    'timestamp without time zone': 'timestamp',
    timestamptz: 'timestamptz',
    'timestamp with time zone': 'timestamptz',
    json: 'json',
    jsonb: 'json',
    bytea: 'bytes',
  }),
);

/**
 * Returns the type of an array's elements by the array's native name: `int4[]`, `numeric(10,2)[]`, `_text`. Default
 * text.
 */
export function elementType(native: string | undefined): FieldType {
  const name = (native ?? '').toLowerCase().replace(/\(.*?\)/g, '');
  return (
    types.get(
      name
        .replace(/(\[\d*\])+$/, '')
        .replace(/^_/, '')
        .trim(),
    ) ?? 'text'
  );
}
