import type { Column } from '../catalog/catalog.ts';
import { comparable, equal, operator } from './compare.ts';
import { ident, literal } from '../catalog/names.ts';

/** Returns SQL for a column of the relation `from` in the form in which it is sorted and compared. */
export function nameOf(column: Column, from: string): string {
  return comparable(column, `${from}.${ident(column.name)}`);
}

/** Returns SQL for a value of the column, given as its text, in the form in which it is compared. */
export function valueOf(column: Column, text: string | null): string {
  return comparable(column, `${literal(text)}::${column.base}`);
}

/** Returns the list that follows ORDER BY; nulls come last. */
export function sortedBy(order: readonly Column[], from: string): string {
  return order.map((column) => nameOf(column, from)).join(', ');
}

/** SQL condition: rows after these values, in the order of {@link sortedBy} and by the same operators that sort. */
export function after(
  order: readonly Column[],
  values: readonly (string | null)[],
  from: string,
): string {
  const names = order.map((column) => nameOf(column, from));
  const typed = order.map((column, at) => valueOf(column, values[at] ?? null));
  const higher = order.map((column) => operator(column, 'greater'));
  const alike = new Set(higher).size === 1;
  // An index over all columns serves one comparison of rows best.
  if (alike && order.every((column) => column.notNull))
    return `(${names.join(', ')}) ${higher[0]} (${typed.join(', ')})`;
  const isNull = (at: number) => (values[at] ?? null) === null;
  const same = order.map((column, at) =>
    isNull(at) ? `${names[at]} IS NULL` : equal(column, names[at]!, typed[at]!),
  );
  const beyond = order.map((column, at) => {
    if (isNull(at)) return 'false';
    const further = `${names[at]} ${higher[at]} ${typed[at]}`;
    return column.notNull ? further : `(${further} OR ${names[at]} IS NULL)`;
  });
  const ways = names.map((_, at) => [...same.slice(0, at), beyond[at]].join(' AND '));
  return `(${ways.join(' OR ')})`;
}
