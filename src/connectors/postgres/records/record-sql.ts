import { own } from '../../../model/own.ts';
import type { FieldType } from '../../../model/field.ts';
import type { Json } from '../../../model/json.ts';
import type { KeyValues } from '../../../model/record.ts';
import type { Target } from '../../contract/target.ts';
import type { WriteOperation } from '../../contract/records.ts';
import type { Column } from '../catalog/catalog.ts';
import { columnNamed } from '../catalog/catalog.ts';
import { ident } from '../catalog/names.ts';
import { coerced, fromText } from '../values/cast.ts';
import { hasKey, keyOf } from '../catalog/table.ts';
import type { Table } from '../catalog/table.ts';
import { toText } from '../values/to-text.ts';

/** A statement and its parameters. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/**
 * Operations of one shape as rows `w`: key values `k0…`, field values `f0…`, values held before `b0…` if given, and
 * `place`, counted from 1.
 */
export interface Rows {
  readonly from: string;
  readonly values: readonly (readonly (string | null)[])[];
  /** SQL for the typed values of the key's columns. */
  readonly keys: readonly string[];
  /** The columns to write, with SQL for their typed values, and for those that they held before if these are given. */
  readonly fields: readonly {
    readonly column: Column;
    readonly value: string;
    readonly before?: string;
  }[];
}

/** Builds rows of keys, and of values for `fields`, with those that they held before if these are given. */
export function rowsOf(
  target: Target,
  key: readonly Column[],
  keys: readonly KeyValues[],
  fields: readonly Column[] = [],
  values: readonly WriteOperation['values'][] = [],
  before?: readonly WriteOperation['values'][],
): Rows {
  const columnsOf = (of: Target, all: readonly WriteOperation['values'][]) =>
    fields.map((column) =>
      texts(
        of,
        column,
        all.map((each) => own(each, column.name)),
      ),
    );
  const keyLists = key.map((column, at) =>
    texts(
      target,
      column,
      keys.map((each) => each[at]),
      'key',
    ),
  );
  // Values held before were decoded, whatever the source's encoding.
  const held = before === undefined ? [] : columnsOf({ ...target, encoding: 'json' }, before);
  const lists = [...keyLists, ...columnsOf(target, values), ...held];
  const names = [
    ...key.map((_, at) => `k${at}`),
    ...fields.map((_, at) => `f${at}`),
    ...held.map((_, at) => `b${at}`),
    'place',
  ];
  const parameters = lists.map((_, at) => `$${at + 1}::text[]`).join(', ');
  return {
    from: `unnest(${parameters}) WITH ORDINALITY AS w(${names.join(', ')})`,
    values: lists,
    keys: key.map((column, at) => fromText(column, `w.k${at}`)),
    fields: fields.map((column, at) => ({
      column,
      value: fromText(column, `w.f${at}`),
      ...(before !== undefined && { before: fromText(column, `w.b${at}`) }),
    })),
  };
}

/**
 * Returns the values of one column as the texts that PostgreSQL reads. Values copied from a database or a CSV file are
 * left to the column's own parser, except for JSON, bytes and lists in a key, which were decoded on their way.
 */
export function texts(
  { encoding, shapes = [] }: Target,
  { name, base, category }: Column,
  values: readonly (Json | undefined)[],
  role: 'key' | 'field' = 'field',
): (string | null)[] {
  const type = shapes.find((shape) => shape.name === name)?.type;
  const asText =
    encoding === 'sql' && type !== undefined && (role === 'field' || !decoded.has(type));
  return values.map((value) =>
    toText(value, base, category, asText && typeof value === 'string' ? 'sql' : 'json'),
  );
}

const decoded: ReadonlySet<FieldType> = new Set<FieldType>(['json', 'bytes', 'array']);

/** SQL condition: a record `d` of the table has the key of a row of `rows`. */
export function sameKey(table: Table, rows: Rows): string {
  const keys = table.key.map((column, at) => keyOf(table, column, coerced(column, rows.keys[at]!)));
  return hasKey(table, keys);
}

/** Builds an UPDATE of the records `d` that the condition `same` finds. */
export function updateSql({ relation }: Table, { from, fields }: Rows, same: string): string {
  const sets = fields.map(({ column, value }) => `${ident(column.name)} = ${value}`).join(', ');
  return `UPDATE ${relation.from} d SET ${sets} FROM ${from} WHERE ${same}`;
}

/** Builds a DELETE of the records `d` that the condition `same` finds. */
export function deleteSql({ relation }: Table, { from }: Rows, same: string): string {
  return `DELETE FROM ${relation.from} d USING ${from} WHERE ${same}`;
}

/** Builds the start of an INSERT of these columns, up to its values. */
export function insertInto({ relation }: Table, columns: readonly Column[]): string {
  const names = columns.map((column) => ident(column.name)).join(', ');
  const overriding = columns.some((column) => column.identityAlways)
    ? ' OVERRIDING SYSTEM VALUE'
    : '';
  return `INSERT INTO ${relation.from}${names && ` (${names})`}${overriding}`;
}

/** Builds the part of an INSERT that handles a record whose key exists by now. */
export function onConflict(table: Table, fields: readonly Column[]): string {
  if (!table.conflictKey) return '';
  const target = table.key.map((column) => ident(column.name)).join(', ');
  const others = fields.filter((column) => !table.key.includes(column));
  if (others.length === 0 || !table.target.permissions.update)
    return ` ON CONFLICT (${target}) DO NOTHING`;
  const sets = others.map((column) => `${ident(column.name)} = excluded.${ident(column.name)}`);
  return ` ON CONFLICT (${target}) DO UPDATE SET ${sets.join(', ')}`;
}

/** Groups operations that write the same fields and have the same `shape`, since only given fields are written. */
export function grouped(
  operations: readonly WriteOperation[],
  shape: (operation: WriteOperation) => readonly unknown[],
): WriteOperation[][] {
  const groups = new Map<string, WriteOperation[]>();
  for (const each of operations) {
    const name = JSON.stringify([...shape(each), ...Object.keys(each.values).toSorted()]);
    const group = groups.get(name);
    if (group) group.push(each);
    else groups.set(name, [each]);
  }
  return [...groups.values()];
}

/** Returns the columns that operations of one shape write. */
export function writtenBy(
  { relation }: Table,
  [first]: readonly WriteOperation[],
  connection: string,
): Column[] {
  return Object.keys(first?.values ?? {}).map((name) => columnNamed(relation, name, connection));
}
