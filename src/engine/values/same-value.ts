import type { FieldType } from '../../model/field.ts';
import { ExactNumber, isJsonObject, type Json, type JsonObject } from '../../model/json.ts';
import { canonicalDecimal } from '../expression/decimal.ts';
import { instant } from '../../model/instant.ts';
import { parseJson } from '../expression/parse-json.ts';

/**
 * True when the destination already holds the mapped value.
 * - Values of one type must be equal.
 * - Where the types differ, a number equals its text, a boolean equals `true` or `false` as text, a list or an object
 *   equals its JSON text.
 * - ISO timestamps are compared as instants, unless the field is text.
 * - A field that the destination lacks counts as null. Null never equals an empty text.
 *
 * @param type the destination field's type, when it is known
 */
export function sameValue(mapped: Json, existing: Json | undefined, type?: FieldType): boolean {
  const held = existing ?? null;
  if (mapped === held) return true;
  if (mapped === null || held === null) return false;
  if (typeof mapped === 'object' && !(mapped instanceof ExactNumber) && typeof held === 'string')
    return sameJsonText(mapped, held);
  if (Array.isArray(mapped) || Array.isArray(held)) return sameList(mapped, held);
  if (isJsonObject(mapped) || isJsonObject(held)) return sameObject(mapped, held);
  if (typeof mapped === 'string' && typeof held === 'string') return sameText(mapped, held, type);
  if (typeof mapped === 'boolean' || typeof held === 'boolean') return sameBoolean(mapped, held);
  return sameNumber(mapped, held);
}

/** A list or an object equals its JSON text, because a CSV file holds it in that form. */
function sameJsonText(mapped: Json, held: string): boolean {
  try {
    const value = parseJson(held);
    return typeof value === 'object' && sameValue(mapped, value);
  } catch {
    return false;
  }
}

function sameList(mapped: Json, held: Json): boolean {
  if (!Array.isArray(mapped) || !Array.isArray(held) || mapped.length !== held.length) return false;
  return mapped.every((element, index) => sameValue(element, held[index]));
}

function sameObject(mapped: Json, held: Json): boolean {
  if (!isJsonObject(mapped) || !isJsonObject(held)) return false;
  return (
    sameMembers(mapped, held) && Object.keys(held).every((name) => Object.hasOwn(mapped, name))
  );
}

function sameMembers(mapped: JsonObject, held: JsonObject): boolean {
  return Object.entries(mapped).every(
    ([name, member]) => Object.hasOwn(held, name) && sameValue(member, held[name]),
  );
}

function sameText(mapped: string, held: string, type: FieldType | undefined): boolean {
  if (type === 'integer' || type === 'decimal' || type === 'float') return sameNumber(mapped, held);
  if (
    type !== undefined &&
    type !== 'unknown' &&
    type !== 'timestamp' &&
    type !== 'timestamptz' &&
    type !== 'date'
  )
    return false;
  const left = instant(mapped);
  return left !== null && left === instant(held);
}

function sameBoolean(mapped: Json, held: Json): boolean {
  const left = booleanOf(mapped);
  return left !== null && left === booleanOf(held);
}

function booleanOf(value: Json): boolean | null {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return null;
  const word = value.toLowerCase();
  if (word === 'true' || word === 't') return true;
  return word === 'false' || word === 'f' ? false : null;
}

function sameNumber(mapped: Json, held: Json): boolean {
  const left = decimalOf(mapped);
  return left !== null && left === decimalOf(held);
}

function decimalOf(value: Json): string | null {
  if (value instanceof ExactNumber) return canonicalDecimal(value.digits);
  return typeof value === 'number' || typeof value === 'string'
    ? canonicalDecimal(String(value))
    : null;
}
