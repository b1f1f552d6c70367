import { ExactNumber } from '../../model/json.ts';
import type { Value } from '../../model/record.ts';

const integer = /^-?\d+$/;
const decimal = /^-?\d+(\.\d+)?$/;

/** A watermark's text; null where the record has none. */
export function watermarkText(value: Value): string | null {
  if (value === undefined || value === null || value === '') return null;
  if (value instanceof ExactNumber) return value.digits;
  return typeof value === 'object' ? null : String(value);
}

/** Compares two watermarks: as numbers if both are, else as texts by code unit (right for ISO dates). */
export function compareWatermarks(a: string, b: string): number {
  if (integer.test(a) && integer.test(b)) return order(BigInt(a), BigInt(b));
  if (decimal.test(a) && decimal.test(b)) return order(Number(a), Number(b));
  return order(a, b);
}

/** Whether a record with this watermark is among those asked for. */
export function isWithin(value: Value, since: string | null, until: string | null): boolean {
  if (since === null) return true;
  const text = watermarkText(value);
  if (text === null || compareWatermarks(text, since) <= 0) return false;
  return until === null || compareWatermarks(text, until) <= 0;
}

function order<T extends bigint | number | string>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
