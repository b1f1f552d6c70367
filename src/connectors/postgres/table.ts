import type { Target } from '../connector.ts';
import type { Column, Relation } from './catalog.ts';
import { ident } from './names.ts';

/** A stream opened for writing. */
export interface Table {
  readonly relation: Relation;
  readonly target: Target;
  readonly key: readonly Column[];
  /** Holds the ids that the table gives its records, where they are asked for. */
  readonly id: Column | undefined;
  /** A unique index covers the key, so that a key matches one record at most. */
  readonly uniqueKey: boolean;
  /** A unique index on exactly the key: `ON CONFLICT` can name it. */
  readonly conflictKey: boolean;
}

/** Compares as text: these types have no equality. */
const incomparable = /^(json|xml|point|box|path|polygon|circle|lseg|line)(\[\])?$/;
const rounding = /^(numeric|time|timestamp|interval)/;

/** Whether the keys of `table` compare exactly: the sync does not ask to fold or trim them. */
export function comparesExactly({ target, key }: Table): boolean {
  const folds = target.match.caseInsensitive || target.match.trim;
  return !folds || !key.some((column) => column.category === 'S');
}

/** A key value as it is compared. */
export function normalised(table: Table, column: Column, expression: string): string {
  if (column.category !== 'S') return expression;
  const { caseInsensitive, trim } = table.target.match;
  const trimmed = trim ? `btrim(${expression}::text)` : expression;
  return caseInsensitive ? `lower(${trimmed}::text)` : trimmed;
}

/** The key's columns of the destination `d`, as they are compared. */
export function normalisedKey(table: Table): string[] {
  return table.key.map((column) => normalised(table, column, `d.${ident(column.name)}`));
}

/** Whether writing a value may round it, so that a comparison must round it too. */
export function rounds(column: Column): boolean {
  return column.native !== column.base && rounding.test(column.base) && column.native.includes('(');
}

/** Whether `value`, of the column's base type, differs from what the destination `d` holds. */
export function differs(column: Column, value: string): string {
  const held = `d.${ident(column.name)}`;
  if (incomparable.test(column.base)) return `${held}::text IS DISTINCT FROM (${value})::text`;
  const written = rounds(column) ? `(${value})::${column.native}` : value;
  return `${held} IS DISTINCT FROM ${written}`;
}
