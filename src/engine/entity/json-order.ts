import { ExactNumber, type Json } from '../../model/json.ts';
import { canonicalDecimal, compareDecimals } from '../expression/decimal.ts';

/**
 * Compares two values for sorting: null, false, true, numbers by value, texts by their characters. Lists and objects
 * count as null.
 */
export function compareJson(a: Json, b: Json): number {
  const kind = kindOf(a) - kindOf(b);
  if (kind !== 0) return kind;
  if (typeof a === 'boolean') return Number(a) - Number(b);
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : Number(a > b);
  return compareDecimals(digitsOf(a), digitsOf(b));
}

function kindOf(value: Json): number {
  if (typeof value === 'boolean') return 1;
  if (typeof value === 'number' || value instanceof ExactNumber) return 2;
  return typeof value === 'string' ? 3 : 0;
}

function digitsOf(value: Json): string {
  const isNumber = typeof value === 'number' || value instanceof ExactNumber;
  return isNumber ? (canonicalDecimal(value.toString()) ?? '0') : '0';
}
