import type { Column } from '../catalog/catalog.ts';
import { literal } from '../catalog/names.ts';

const integers = /^(smallint|integer|bigint)$/;
/** Texts such as 42.0 and 1e3, as other systems write whole numbers. */
const withPoint = '^[-+]?[0-9]+([.][0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$';

/** A text as a value of the column's type without modifier; fails where the text is none. */
export function fromText(column: Column, text: string): string {
  const value = `(${text})::${column.base}`;
  if (!integers.test(column.base)) return value;
  const number = `(${text})::numeric`;
  // A number with a fraction fails as PostgreSQL refuses its text; a cast of the number would round it.
  return `CASE WHEN (${text}) ~ ${literal(withPoint)} THEN CASE WHEN ${number} = trunc(${number})
    THEN ${number}::${column.base} ELSE ${value} END ELSE ${value} END`;
}

/** Whether storing may change a value of the column's type: its modifier rounds, cuts or pads. */
export function coerces(column: Column): boolean {
  return column.stored !== column.base && column.stored.includes('(');
}

/**
 * What the column holds once it has stored `value`, which is of its type without modifier. What storing refuses, such as
 * a text too long for `varchar(4)`, stays as it is: it differs from whatever the column holds. May fail where a number
 * is too large.
 */
export function coerced(column: Column, value: string): string {
  if (!coerces(column)) return value;
  const stored = `(${value})::${column.stored}`;
  if (column.stored.startsWith('bit')) return value;
  if (!column.stored.startsWith('character')) return stored;
  // A cast cuts any text, storing cuts only blanks: no other character may be lost.
  return `CASE WHEN ${unpadded(stored)} = ${unpadded(value)} THEN ${stored} ELSE ${value} END`;
}

/** A text, or an array of texts, without its blanks and quotes. */
function unpadded(expression: string): string {
  return `translate((${expression})::text, ' "', '')`;
}

/** A value as COPY prints it, but for booleans. A cast of inet to text adds the mask that its own print leaves out. */
export function printed({ base }: Pick<Column, 'base'>, value: string): string {
  return base === 'inet'
    ? `CASE WHEN (${value}) IS NOT NULL THEN format('%s', ${value}) END`
    : `(${value})::text`;
}
