import type { Target } from '../../contract/target.ts';
import type { Column, Relation } from './catalog.ts';
import { comparable, equal, equalsExactly } from '../values/compare.ts';
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
  /** Fields of the source that the table makes itself. */
  readonly leavesOut: readonly string[];
  /** Its sequences move past the values that are copied into their columns. */
  readonly advances: boolean;
}

/** Whether the sync asks to fold or trim the keys of `table`. */
export function foldsKeys({ target, key }: Table): boolean {
  const folds = target.match.caseInsensitive || target.match.trim;
  return folds && key.some((column) => column.category === 'S');
}

/** Whether keys of `table` that match are the same. */
export function matchesExactly(table: Table): boolean {
  return !foldsKeys(table) && table.key.every(equalsExactly);
}

/** A key value, as its column would store it, in the form in which it is compared. */
export function keyOf(table: Table, column: Column, stored: string): string {
  const compared = comparable(column, normalised(table, column, stored));
  return column.collation && column.operators
    ? `(${compared}) COLLATE ${column.collation}`
    : compared;
}

/** The key's columns of the destination `d`, as they are compared. */
export function heldKey(table: Table): string[] {
  return table.key.map((column) =>
    comparable(column, normalised(table, column, `d.${ident(column.name)}`)),
  );
}

/** Where the destination `d` has the key that the expressions `keys`, made by {@link keyOf}, stand for. */
export function hasKey(table: Table, keys: readonly string[]): string {
  const held = heldKey(table);
  return table.key.map((column, at) => equal(column, held[at]!, keys[at]!)).join(' AND ');
}

/** Folds and trims as the sync asks. The type stays, since citext goes on folding when it is trimmed. */
function normalised(table: Table, column: Column, expression: string): string {
  const { caseInsensitive, trim } = table.target.match;
  if (column.category !== 'S' || !(caseInsensitive || trim)) return expression;
  const trimmed = trim ? `btrim((${expression})::text)` : `(${expression})::text`;
  const folded = caseInsensitive ? `lower(${trimmed})` : trimmed;
  return /^(text|character varying)$/.test(column.base) ? folded : `(${folded})::${column.base}`;
}
