import type { Column } from '../catalog/catalog.ts';
import { literal } from '../catalog/names.ts';

const integers = /^(smallint|integer|bigint)$/;
/** Matches texts such as 42.0 and 1e3, which is how other systems may write whole numbers. */
const withPoint = '^[-+]?[0-9]+([.][0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$';

/**
 * Returns SQL that converts a text to the column's type without modifier. It fails for a text that is no such value.
 */
export function fromText(column: Column, text: string): string {
  const value = `(${text})::${column.base}`;
  if (!integers.test(column.base)) return value;
  const number = `(${text})::numeric`;
  // A number with a fraction must fail, as PostgreSQL refuses its text; a cast of the number would round it.
  return `CASE WHEN (${text}) ~ ${literal(withPoint)} THEN CASE WHEN ${number} = trunc(${number})
    THEN ${number}::${column.base} ELSE ${value} END ELSE ${value} END`;
}

/** True when storing may change a value of the column's type, because its modifier rounds, cuts or pads. */
export function coerces(column: Column): boolean {
  return column.stored !== column.base && column.stored.includes('(');
}

/**
 * Returns SQL for the value that the column holds after it stored `value`, which is of its type without modifier. A
 * value that storing refuses, such as a text too long for `varchar(4)`, stays unchanged, and so differs from whatever
 * the column holds. It may fail for a number that is too large.
 */
export function coerced(column: Column, value: string): string {
  if (!coerces(column)) return value;
  const stored = `(${value})::${column.stored}`;
  if (column.stored.startsWith('bit')) return value;
  if (!column.stored.startsWith('character')) return stored;
  // A cast cuts any text, while storing cuts only blanks. So the cast counts only when no other character is lost.
  return `CASE WHEN ${unpadded(stored)} = ${unpadded(value)} THEN ${stored} ELSE ${value} END`;
}

/** Returns SQL for a text, or an array of texts, without its blanks and quotes. */
function unpadded(expression: string): string {
  return `translate((${expression})::text, ' "', '')`;
}

/**
 * Returns SQL for a value as COPY prints it, booleans excepted. A cast of inet to text adds the mask, which its own
 * print leaves out.
 */
export function printed({ base }: Pick<Column, 'base'>, value: string): string {
  return base === 'inet'
    ? `CASE WHEN (${value}) IS NOT NULL THEN format('%s', ${value}) END`
    : `(${value})::text`;
}
