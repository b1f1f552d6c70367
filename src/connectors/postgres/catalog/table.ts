import type { Target } from '../../contract/target.ts';
import type { Column, Relation } from './catalog.ts';
import { comparable, equal, equalsExactly } from '../values/compare.ts';
import { ident } from './names.ts';

/** A stream opened for writing. */
export interface Table {
  readonly relation: Relation;
  readonly target: Target;
  readonly key: readonly Column[];
  /** The column of the ids that the table gives its records; undefined when the ids are not asked for. */
  readonly id: Column | undefined;
  /** True when a unique index covers the key, so that a key matches at most one record. */
  readonly uniqueKey: boolean;
  /** True when there is a unique index on exactly the key, which `ON CONFLICT` can name. */
  readonly conflictKey: boolean;
  /** Fields of the source that are not written because the table generates them. */
  readonly leavesOut: readonly string[];
  /** True when the table's sequences move past the values copied into their columns. */
  readonly advances: boolean;
}

/** True when the sync asks to fold case or trim blanks, and a key column holds text. */
export function foldsKeys({ target, key }: Table): boolean {
  const folds = target.match.caseInsensitive || target.match.trim;
  return folds && key.some((column) => column.category === 'S');
}

/** True when keys of `table` that match are identical. */
export function matchesExactly(table: Table): boolean {
  return !foldsKeys(table) && table.key.every(equalsExactly);
}

/**
 * Returns SQL for a key value in the form in which keys are compared.
 * @param stored SQL for the value as its column would store it
 */
export function keyOf(table: Table, column: Column, stored: string): string {
  const compared = comparable(column, normalised(table, column, stored));
  return column.collation && column.operators
    ? `(${compared}) COLLATE ${column.collation}`
    : compared;
}

/** Returns SQL for the key columns of the destination `d`, in the form in which keys are compared. */
export function heldKey(table: Table): string[] {
  return table.key.map((column) =>
    comparable(column, normalised(table, column, `d.${ident(column.name)}`)),
  );
}

/**
 * Returns an SQL condition: the destination's row `d` has the key of the expressions `keys`, which {@link keyOf} made.
 */
export function hasKey(table: Table, keys: readonly string[]): string {
  const held = heldKey(table);
  return table.key.map((column, at) => equal(column, held[at]!, keys[at]!)).join(' AND ');
}

/** Folds and trims as the sync asks. The type is kept, since citext still folds after it was trimmed. */
function normalised(table: Table, column: Column, expression: string): string {
  const { caseInsensitive, trim } = table.target.match;
  if (column.category !== 'S' || !(caseInsensitive || trim)) return expression;
  const trimmed = trim ? `btrim((${expression})::text)` : `(${expression})::text`;
  const folded = caseInsensitive ? `lower(${trimmed})` : trimmed;
  return /^(text|character varying)$/.test(column.base) ? folded : `(${folded})::${column.base}`;
}
