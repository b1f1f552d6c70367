import type { Column } from '../catalog/catalog.ts';
import type { Operators } from '../catalog/operators.ts';

/**
 * Returns an expression in the form in which it is compared and sorted: as its text when the column's type has no
 * order.
 */
export function comparable(column: Column, expression: string): string {
  return column.operators ? expression : `(${expression})::text`;
}

/** SQL condition: two comparable expressions are equal by the column's type. */
export function equal(column: Column, left: string, right: string): string {
  return `${left} ${operator(column, 'equal')} ${right}`;
}

/** Returns the operator of the column's type, or that of text when the type has none. */
export function operator(column: Column, name: keyof Operators): string {
  return column.operators?.[name] ?? `OPERATOR(pg_catalog.${ofTexts[name]})`;
}

const ofTexts = { equal: '=', greater: '>', atLeast: '>=', atMost: '<=' } as const;

/**
 * Types whose equal values are printed alike, so that `=` tells whether a value has changed. For other types it may
 * not: 1.5 and 1.50, 0 and -0, `1 month` and `30 days`, `McDonald` and `mcdonald` in citext are equal and print
 * differently.
 */
const exactTypes = new Set([
  'smallint',
  'integer',
  'bigint',
  'oid',
  'boolean',
  'date',
  'time without time zone',
  'timestamp without time zone',
  'timestamp with time zone',
  'uuid',
  'bytea',
  'text',
  'character varying',
]);

/** True when two values that the column's `=` holds equal also print the same. */
export function equalsExactly(column: Column): boolean {
  if (!column.builtin || !column.deterministic) return false;
  if (exactTypes.has(column.base)) return true;
  // A modifier gives all values of these types the same scale, or the same length.
  return /^(numeric|character)\(/.test(column.stored);
}

/**
 * SQL condition: any of these pairs of values, each of its column's own type, differs as printed. Values of types whose
 * `=` folds are first compared byte by byte, which is fast, and only if they differ by their texts.
 */
export function anyDiffers(pairs: readonly Pair[]): string {
  const exact = pairs.filter(({ column }) => equalsExactly(column));
  const others = pairs.filter(({ column }) => !equalsExactly(column));
  const tests = exact.map(({ held, value }) => `${held} IS DISTINCT FROM ${value}`);
  if (others.length > 0) tests.push(imagesDiffer(others));
  return tests.length > 0 ? tests.join(' OR ') : 'false';
}

/** The value that a column of a record holds, and the value that it is to hold. */
export interface Pair {
  readonly column: Column;
  readonly held: string;
  readonly value: string;
}

/**
 * Compares two lists of values. `*<>` compares the bytes of two rows of the same types; the cast to record keeps
 * PostgreSQL from comparing them column by column.
 */
function imagesDiffer(pairs: readonly Pair[]): string {
  const held = pairs.map((pair) => `(${pair.held})::${pair.column.base}`).join(', ');
  const values = pairs.map((pair) => `(${pair.value})::${pair.column.base}`).join(', ');
  const texts = pairs.map(
    (pair) => `(${pair.held})::text COLLATE "C" IS DISTINCT FROM (${pair.value})::text`,
  );
  return `(ROW(${held})::record OPERATOR(pg_catalog.*<>) ROW(${values})::record AND (${texts.join(' OR ')}))`;
}
