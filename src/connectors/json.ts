import { isSafeNumber, parse, stringify } from 'lossless-json';
import { ExactNumber, isJsonObject, type Json } from '../model/json.ts';

/** A body without 16 digits in one number and without a large exponent holds only numbers a double keeps. */
const mayBeInexact = /\d[\d.]{15,}|\d[eE][+-]?\d{3,}/;

/**
 * Parses JSON without changing a number: one that a double cannot hold becomes an `ExactNumber`.
 * @throws SyntaxError
 */
export function parseJson(text: string): Json {
  if (!mayBeInexact.test(text)) return JSON.parse(text) as Json;
  return parse(text, null, {
    parseNumber: (digits) => (isSafeNumber(digits) ? Number(digits) : new ExactNumber(digits)),
    onDuplicateKey: ({ newValue }) => newValue,
  }) as Json;
}

/** Writes JSON; an `ExactNumber` becomes its digits. */
export function stringifyJson(value: Json): string {
  if (!holdsExact(value)) return JSON.stringify(value);
  const digits = { test: isExact, stringify: String };
  return stringify(value, null, undefined, [digits]) ?? 'null';
}

function isExact(value: unknown): value is ExactNumber {
  return value instanceof ExactNumber;
}

function holdsExact(value: Json): boolean {
  if (isExact(value)) return true;
  if (Array.isArray(value)) return value.some(holdsExact);
  return isJsonObject(value) && Object.values(value).some(holdsExact);
}
