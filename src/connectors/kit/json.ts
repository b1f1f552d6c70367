import { parse, stringify } from 'lossless-json';
import { ExactNumber, isJsonObject, type Json } from '../../model/json.ts';

/**
 * Matches a number that JSON.parse may change: 16 digits and more, zeros at the end of a fraction, an exponent,
 * `-0`. A text without any of these holds only numbers that are printed as they were written.
 */
const mayBeInexact = /[\d.]{16}|(?:\.\d*0|[eE][+-]?\d+|-0)\s*(?:[,\]}]|$)/;

/**
 * Parses JSON without changing a number: one that a double does not print as it was written becomes an `ExactNumber`. Of
 * a name that repeats in an object the last one counts.
 * @throws SyntaxError
 */
export function parseJson(text: string): Json {
  if (!mayBeInexact.test(text)) return JSON.parse(text) as Json;
  return parse(text, null, {
    parseNumber: numberOf,
    onDuplicateKey: ({ newValue }) => newValue,
  }) as Json;
}

function numberOf(digits: string): number | ExactNumber {
  const value = Number(digits);
  return String(value) === digits ? value : new ExactNumber(digits);
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
