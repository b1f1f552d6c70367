import { ExactNumber } from './json.ts';

// Values that JSON lacks are written as texts that start with NUL. A text that itself starts with NUL is escaped.
const mark = '\u0000';
const missing = `${mark}u`;
const exact = `${mark}n`;
const escaped = `${mark}s`;

/**
 * Returns a value as JSON text. `parseLossless` reads it back unchanged, `ExactNumber`s and missing values included.
 */
export function stringifyLossless(value: unknown): string {
  return JSON.stringify(isPlain(value) ? value : pack(value));
}

/** Does the same as `stringifyLossless`, faster, for values in which nothing is undefined. */
export function stringifyExact(value: unknown): string {
  const text = JSON.stringify(value);
  // The first is how JSON writes an `ExactNumber`, the second the escape of a NUL.
  return text.includes('{"digits":') || text.includes('\\u0000')
    ? JSON.stringify(pack(value))
    : text;
}

/** Reads what `stringifyLossless` and `stringifyExact` wrote. */
export function parseLossless(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes('\\u0000') ? unpack(value) : value;
}

/** True when JSON holds the value unchanged. Most values pass, and need no packing. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return value.codePointAt(0) !== 0;
  if (value === undefined || value instanceof ExactNumber) return false;
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  for (const name in value) if (!isPlain((value as Record<string, unknown>)[name])) return false;
  return true;
}

function pack(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? escaped + value : value;
  if (value === undefined) return missing;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof ExactNumber) return exact + value.digits;
  if (Array.isArray(value)) return value.map(pack);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, pack(member)]));
}

function unpack(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? unpackText(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(unpack);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unpack(member)]));
}

function unpackText(text: string): unknown {
  if (text === missing) return undefined;
  return text.startsWith(exact)
    ? new ExactNumber(text.slice(exact.length))
    : text.slice(escaped.length);
}
