import { milliseconds } from '../model/duration.ts';
import { ConfigError } from '../model/failure.ts';
import { instant } from '../model/instant.ts';
import { ExactNumber } from '../model/json.ts';
import type { Value } from '../model/record.ts';

const integer = /^-?\d+$/;
const decimal = /^-?\d+(\.\d+)?$/;

/** A watermark's text; null where the record has none. */
export function watermarkText(value: Value): string | null {
  if (value === undefined || value === null || value === '') return null;
  if (value instanceof ExactNumber) return value.digits;
  return typeof value === 'object' ? null : String(value);
}

/** Compares two watermarks: as numbers or as ISO timestamps if both are, else as texts by code unit. */
export function compareWatermarks(a: string, b: string): number {
  if (integer.test(a) && integer.test(b)) return order(BigInt(a), BigInt(b));
  if (decimal.test(a) && decimal.test(b)) return order(Number(a), Number(b));
  const [left, right] = [instant(a), instant(b)];
  return left !== null && right !== null ? order(left, right) : order(a, b);
}

/** The higher of two watermarks; null is none. */
export function higher(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return compareWatermarks(a, b) < 0 ? b : a;
}

/**
 * A watermark less its lag, spelt as it was.
 * @throws ConfigError `invalid_lag` where the two do not go together
 */
export function rewind(
  watermark: string,
  lag: string | number | undefined,
  connection: string,
): string {
  if (lag === undefined) return watermark;
  if (typeof lag === 'number' && decimal.test(watermark)) return minus(watermark, lag);
  const at = typeof lag === 'string' ? instant(watermark) : null;
  if (at === null || typeof lag === 'number') throw invalidLag(lag, connection);
  const before = new Date(Number(at / 1000n) - milliseconds(lag)).toISOString();
  if (watermark.length === 10) return before.slice(0, 10);
  const zoned = /(Z|[+-]\d\d(:?\d\d)?)$/i.test(watermark);
  return `${before.slice(0, 10)}${watermark[10] ?? 'T'}${before.slice(11, 23)}${zoned ? 'Z' : ''}`;
}

/** A lag that does not fit the watermark's values. */
export function invalidLag(lag: string | number, connection: string): ConfigError {
  const wanted =
    typeof lag === 'number'
      ? 'a number is for watermarks that are numbers'
      : 'a duration is for watermarks that are ISO timestamps';
  return new ConfigError('invalid_lag', `${connection}: lag ${lag}: ${wanted}`, { connection });
}

function minus(watermark: string, lag: number): string {
  return integer.test(watermark) && Number.isInteger(lag)
    ? String(BigInt(watermark) - BigInt(lag))
    : String(Number(watermark) - lag);
}

function order<T extends bigint | number | string>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
