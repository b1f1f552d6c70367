import type { SourceTime } from '../../model/golden-record.ts';
import { instant } from '../../model/instant.ts';
import { ExactNumber, type Json } from '../../model/json.ts';
import { canonicalDecimal, compareDecimals } from '../expression/decimal.ts';

/** Matches a timestamp in UTC, the form most sources use. */
const utc = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|\+00(?::00)?)$/;
/** The length of a timestamp that {@link sourceTime} writes, and of a date. */
const [isoLength, dayLength] = ['2026-01-01T00:00:00.000000Z'.length, '2026-01-01'.length];
const day = /^\d{4}-\d\d-\d\d$/;

/**
 * Returns the time that a watermark's value stands for; null for a value that is neither a timestamp, a date nor a number.
 */
export function sourceTime(value: Json | undefined): SourceTime {
  if (typeof value === 'string') return moment(value) ?? canonicalDecimal(value);
  if (typeof value === 'number') return canonicalDecimal(String(value));
  return value instanceof ExactNumber ? canonicalDecimal(value.digits) : null;
}

/** Returns the timestamp in UTC to the microsecond, or the date; null for a text that is neither. */
function moment(text: string): string | null {
  const micros = instant(text);
  if (micros === null) return null;
  if (day.test(text)) return text;
  const [, date, time, fraction = ''] = utc.exec(text) ?? [];
  if (date !== undefined && time !== undefined)
    return `${date}T${time}.${fraction.padEnd(6, '0')}Z`;
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  const milliseconds = new Date(Number((micros - rest) / 1000n)).toISOString();
  return `${milliseconds.slice(0, -'Z'.length)}${String(rest).padStart(3, '0')}Z`;
}

/**
 * Compares two times, a date and a timestamp by their days. The result is 0 when one of them is unknown, when they are of
 * one day and one of them is a date, or when only one is a number: neither is then older or newer. So this is no order
 * to sort by.
 */
export function compareTimes(a: SourceTime, b: SourceTime): number {
  if (a === b || a === null || b === null) return 0;
  if (!isMoment(a) || !isMoment(b)) return isMoment(a) || isMoment(b) ? 0 : compareDecimals(a, b);
  const grain = Math.min(a.length, b.length);
  const [left, right] = [a.slice(0, grain), b.slice(0, grain)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Returns the later of two times; a known time counts as later than an unknown one. */
export function laterTime(a: SourceTime, b: SourceTime): SourceTime {
  if (a === null) return b;
  return compareTimes(a, b) < 0 ? b : a;
}

function isMoment(time: string): boolean {
  if (time.length === dayLength) return day.test(time);
  return time.length === isoLength && time.endsWith('Z');
}
