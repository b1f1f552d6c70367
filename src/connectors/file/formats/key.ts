import { ExactNumber, type Json, type JsonObject } from '../../../model/json.ts';
import type { Match } from '../../../model/match.ts';
import type { KeyValues, Value } from '../../../model/record.ts';
import { stringifyJson } from '../../kit/json.ts';

/** Compares everything exactly. */
export const exactly: Match = { caseInsensitive: false, trim: false };

/** Returns a text that is the same for keys that are equal, such as 42, 42.0 and "42"; null if a value is missing. */
export function keyText(values: readonly Value[], match: Match): string | null {
  const texts: string[] = [];
  for (const value of values) {
    if (value === null || value === undefined) return null;
    const part = keyValue(value);
    let text = typeof part === 'object' ? stringifyJson(part) : String(part);
    if (match.trim) text = text.trim();
    if (match.caseInsensitive) text = text.toLowerCase();
    texts.push(text);
  }
  return JSON.stringify(texts);
}

/**
 * Returns a number of a key in the one spelling by which keys compare: 42 for 42.00. Other values are returned
 * unchanged.
 */
export function keyValue(value: Json): Json {
  if (!(value instanceof ExactNumber)) return value;
  const digits = value.digits.replace(/^(-?\d+)(\.\d*?)0*$/, '$1$2').replace(/\.$/, '');
  return new ExactNumber(digits === '-0' ? '0' : digits);
}

/** Returns the values of a record's key; null in place of a missing one. */
export function keyOf(record: JsonObject, fields: readonly string[]): KeyValues {
  return fields.map((field) => record[field] ?? null);
}
