import { ExactNumber, isJsonObject } from '../../../model/json.ts';
import type { Json } from '../../../model/json.ts';
import type { Encoding, Value } from '../../../model/record.ts';

/**
 * Returns a value as the text that PostgreSQL reads for a column.
 * @param base the column's type without modifier, such as `jsonb` or `text[]`
 * @param category PostgreSQL's category of that type
 */
export function toText(
  value: Value,
  base: string,
  category: string,
  encoding: Encoding,
): string | null {
  if (value === null || value === undefined) return null;
  if (encoding === 'sql' && typeof value === 'string') return value;
  if (base === 'json' || base === 'jsonb') return jsonText(value);
  if (category === 'A' && Array.isArray(value)) return arrayText(value, base.replace(/\[\]$/, ''));
  if (base === 'bytea' && typeof value === 'string' && !value.startsWith('\\x')) {
    return `\\x${Buffer.from(value, 'base64').toString('hex')}`;
  }
  if (integers.has(base) && typeof value !== 'string') return wholeText(scalarText(value));
  return scalarText(value);
}

const integers: ReadonlySet<string> = new Set(['smallint', 'integer', 'bigint']);

/** Returns a whole number as an integer column reads it, however it was written: `42.0` and `1e3` are whole. */
function wholeText(number: string): string {
  const [, whole] = /^(-?\d+)\.0*$/.exec(number) ?? [];
  if (whole !== undefined) return whole;
  const isShort = /^-?[\d.]{1,15}[eE]\+?\d{1,2}$/.test(number);
  return isShort && Number.isSafeInteger(Number(number)) ? String(Number(number)) : number;
}

/** Returns JSON text that keeps every digit of an {@link ExactNumber}. */
export function jsonText(value: Json): string {
  if (value instanceof ExactNumber) return value.digits;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (isJsonObject(value)) {
    const entries = Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}:${jsonText(v)}`);
    return `{${entries.join(',')}}`;
  }
  return JSON.stringify(value);
}

function scalarText(value: NonNullable<Json>): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && !(value instanceof ExactNumber)) return jsonText(value);
  return String(value);
}

function arrayText(values: readonly Json[], element: string): string {
  const parts = values.map((value) => {
    if (value === null) return 'NULL';
    const inner = element === 'json' || element === 'jsonb';
    if (Array.isArray(value) && !inner) return arrayText(value, element);
    const text = toText(value, element, '', 'json') ?? '';
    return `"${text.replaceAll(/[\\"]/g, (letter) => `\\${letter}`)}"`;
  });
  return `{${parts.join(',')}}`;
}
