import type { SourceTime } from '../../model/golden-record.ts';
import { instant } from '../../model/instant.ts';
import { ExactNumber, type Json } from '../../model/json.ts';
import { canonicalDecimal, compareDecimals } from '../expression/decimal.ts';

/** Matches a timestamp in UTC, the form most sources use. */
const utc = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|\+00(?::00)?)$/;
/** The length of a timestamp that {@link sourceTime} writes. */
const isoLength = '2026-01-01T00:00:00.000000Z'.length;

/** Returns the time that a watermark's value stands for; null for a value that is neither a timestamp nor a number. */
export function sourceTime(value: Json | undefined): SourceTime {
  if (typeof value === 'string') return timestamp(value) ?? canonicalDecimal(value);
  if (typeof value === 'number') return canonicalDecimal(String(value));
  return value instanceof ExactNumber ? canonicalDecimal(value.digits) : null;
}

/** Returns the timestamp in UTC to the microsecond; null for a text that is no timestamp. */
function timestamp(text: string): string | null {
  const micros = instant(text);
  if (micros === null) return null;
  const [, day, time, fraction = ''] = utc.exec(text) ?? [];
  if (day !== undefined && time !== undefined) return `${day}T${time}.${fraction.padEnd(6, '0')}Z`;
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  const milliseconds = new Date(Number((micros - rest) / 1000n)).toISOString();
  return `${milliseconds.slice(0, -'Z'.length)}${String(rest).padStart(3, '0')}Z`;
}

/**
 * Compares two times. The result is 0 when one of them is unknown, or one is a timestamp and the other a number:
 * neither is then older or newer. So this is no order to sort by.
 */
export function compareTimes(a: SourceTime, b: SourceTime): number {
  if (a === b || a === null || b === null) return 0;
  if (isTimestamp(a) && isTimestamp(b)) return a < b ? -1 : 1;
  return isTimestamp(a) || isTimestamp(b) ? 0 : compareDecimals(a, b);
}

/** Returns the later of two times; a known time counts as later than an unknown one. */
export function laterTime(a: SourceTime, b: SourceTime): SourceTime {
  if (a === null) return b;
  return compareTimes(a, b) < 0 ? b : a;
}

function isTimestamp(time: string): boolean {
  return time.length === isoLength && time.endsWith('Z');
}
