import type { SourceTime } from '../../model/golden-record.ts';
import { instant } from '../../model/instant.ts';
import { ExactNumber, type Json } from '../../model/json.ts';
import { canonicalDecimal, compareDecimals } from '../decimal.ts';

/** The time that a watermark's value tells; null for a value that is neither a timestamp nor a number. */
export function sourceTime(value: Json | undefined): SourceTime {
  if (typeof value === 'string') {
    const micros = instant(value);
    return micros === null ? canonicalDecimal(value) : micros.toString();
  }
  if (typeof value === 'number') return canonicalDecimal(String(value));
  return value instanceof ExactNumber ? canonicalDecimal(value.digits) : null;
}

/**
 * Orders two times as a comparison function does. An unknown time is neither older nor newer than another: 0, so this
 * is no order to sort by.
 */
export function compareTimes(a: SourceTime, b: SourceTime): number {
  if (a === b || a === null || b === null) return 0;
  if (a.length === b.length && isWhole(a) && isWhole(b)) return a < b ? -1 : 1;
  return compareDecimals(a, b);
}

/** The later of two times; a known one before an unknown one. */
export function laterTime(a: SourceTime, b: SourceTime): SourceTime {
  if (a === null) return b;
  return compareTimes(a, b) < 0 ? b : a;
}

function isWhole(digits: string): boolean {
  return /^\d+$/.test(digits);
}
