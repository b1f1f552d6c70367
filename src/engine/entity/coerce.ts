import type { EntityFieldType } from '../../model/entity.ts';
import { instant } from '../../model/instant.ts';
import { ExactNumber, type Json } from '../../model/json.ts';
import { canonicalDecimal, toNumber } from '../expression/decimal.ts';
import { stableText } from '../values/stable-text.ts';

/**
 * Converts a value to what a field of this type holds; null stays null.
 *
 * - text: a number or a boolean becomes its text, a list or an object JSON text;
 * - number, integer: also the text of a number, without loss;
 * - boolean: also `true`, `false`, `t` and `f` as text;
 * - date: an ISO date, or the day that an ISO timestamp is written with;
 * - timestamp: an ISO timestamp or date, written in UTC to the microsecond;
 * - json: anything.
 *
 * @returns undefined for a value that does not fit
 */
export function coerce(value: Json, type: EntityFieldType): Json | undefined {
  if (value === null) return null;
  switch (type) {
    case 'text':
      return asText(value);
    case 'number':
      return asNumber(value);
    case 'integer':
      return asInteger(value);
    case 'boolean':
      return asBoolean(value);
    case 'date':
      return typeof value === 'string' ? asDate(value) : undefined;
    case 'timestamp':
      return typeof value === 'string' ? asTimestamp(value) : undefined;
    default:
      return value;
  }
}

function asText(value: Json): string {
  if (typeof value === 'string') return value;
  if (value instanceof ExactNumber) return value.digits;
  return typeof value === 'object' ? stableText(value) : String(value);
}

function asNumber(value: Json): number | ExactNumber | undefined {
  if (typeof value === 'number' || value instanceof ExactNumber) return value;
  const digits = typeof value === 'string' ? canonicalDecimal(value.trim()) : null;
  return digits === null ? undefined : toNumber(digits);
}

function asInteger(value: Json): number | ExactNumber | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  const number = asNumber(value);
  if (!(number instanceof ExactNumber)) return Number.isInteger(number) ? number : undefined;
  const digits = canonicalDecimal(number.digits);
  return digits !== null && /^-?\d+$/.test(digits) ? toNumber(digits) : undefined;
}

function asBoolean(value: Json): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  const word = value.trim().toLowerCase();
  if (word === 'true' || word === 't') return true;
  return word === 'false' || word === 'f' ? false : undefined;
}

function asDate(text: string): string | undefined {
  const stamp = text.trim();
  return isDay(stamp) && instant(stamp) !== null ? stamp.slice(0, 10) : undefined;
}

/**
 * True when the text begins with a day that the calendar has. `Date.parse` alone would accept the 30th of February.
 */
function isDay(stamp: string): boolean {
  const day = Number(stamp.slice(8, 10));
  if (day <= 28) return true;
  return (
    day <= new Date(Date.UTC(Number(stamp.slice(0, 4)), Number(stamp.slice(5, 7)), 0)).getUTCDate()
  );
}

const utc = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z$/;

function asTimestamp(text: string): string | undefined {
  const stamp = text.trim();
  if (!isDay(stamp)) return undefined;
  if (utc.test(stamp)) return Number.isNaN(Date.parse(stamp)) ? undefined : stamp;
  const micros = instant(stamp);
  return micros === null ? undefined : printed(micros);
}

function printed(micros: bigint): string | undefined {
  const part = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((micros - part) / 1000n)).toISOString().replace('.000Z', '');
  if (!/^\d/.test(seconds)) return undefined; // the year does not have four digits
  const fraction = part.toString().padStart(6, '0').replace(/0+$/, '');
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}
