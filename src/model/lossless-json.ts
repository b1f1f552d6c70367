import { ExactNumber } from './json.ts';

// What JSON lacks travels as a text that starts with NUL; a text that itself starts with NUL gets an escape.
const mark = '\u0000';
const missing = `${mark}u`;
const exact = `${mark}n`;
const escaped = `${mark}s`;

/** A value as JSON text that `parseLossless` reads back as it was, `ExactNumber`s and missing values too. */
export function stringifyLossless(value: unknown): string {
  return JSON.stringify(isPlain(value) ? value : pack(value));
}

/** As `stringifyLossless`, of values that miss nothing: it need not look at each of them. */
export function stringifyExact(value: unknown): string {
  const text = JSON.stringify(value);
  // What an `ExactNumber` is written as, or the escape of a NUL.
  return text.includes('{"digits":') || text.includes('\\u0000')
    ? JSON.stringify(pack(value))
    : text;
}

/** Reads what `stringifyLossless` and `stringifyExact` wrote. */
export function parseLossless(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes('\\u0000') ? unpack(value) : value;
}

/** Whether JSON holds the value as it is: most values need no second look. */
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
