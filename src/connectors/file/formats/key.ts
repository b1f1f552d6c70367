import { ExactNumber, type Json, type JsonObject } from '../../../model/json.ts';
import type { Match } from '../../../model/match.ts';
import type { KeyValues, Value } from '../../../model/record.ts';
import { stringifyJson } from '../../kit/json.ts';

/** Compares everything exactly. */
export const exactly: Match = { caseInsensitive: false, trim: false };

/** A text that two keys share when they are equal: 42, 42.0 and "42" are; null if a value is missing. */
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

/** A key's number in the one spelling by which keys compare: 42 for 42.00. Other values stay as they are. */
export function keyValue(value: Json): Json {
  if (!(value instanceof ExactNumber)) return value;
  const digits = value.digits.replace(/^(-?\d+)(\.\d*?)0*$/, '$1$2').replace(/\.$/, '');
  return new ExactNumber(digits === '-0' ? '0' : digits);
}

/** A record's values of the key's fields; null in place of a missing one. */
export function keyOf(record: JsonObject, fields: readonly string[]): KeyValues {
  return fields.map((field) => record[field] ?? null);
}
