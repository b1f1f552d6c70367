import type { FieldType } from '../../model/field.ts';
import { ExactNumber, isJsonObject, type Json } from '../../model/json.ts';
import { Decimal } from './decimal-value.ts';

/**
 * Converts a JSON value to CEL: a whole number of 64 bits to int, a number of a `float` field to double, any other
 * number to an exact decimal, a missing value to null.
 */
export function toCel(value: Json | undefined, type?: FieldType): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return isNumeric(type) ? fromText(value) : value;
  if (typeof value === 'number' || value instanceof ExactNumber) return fromNumber(value, type);
  if (Array.isArray(value)) return value.map((element) => toCel(element));
  if (!isJsonObject(value)) return value;
  return new Map(Object.entries(value).map(([name, member]) => [name, toCel(member)]));
}

function isNumeric(type: FieldType | undefined): boolean {
  return type === 'float' || type === 'decimal';
}

/** Converts the texts that stand for numbers which JSON lacks: NaN and the infinities. */
function fromText(text: string): string | number {
  return /^(NaN|-?Infinity)$/.test(text) ? Number(text) : text;
}

function fromNumber(value: number | ExactNumber, type: FieldType | undefined): unknown {
  if (type === 'float') return Number(value);
  const whole = type === 'decimal' ? null : celIntOf(value);
  return whole ?? new Decimal(value);
}

/** Returns the CEL int of a number; null when it is not a whole number of 64 bits. */
function celIntOf(value: number | ExactNumber): bigint | null {
  const digits = String(value);
  if (!/^(0|-?[1-9]\d{0,18})$/.test(digits) || Object.is(value, -0)) return null;
  const whole = BigInt(digits);
  return BigInt.asIntN(64, whole) === whole ? whole : null;
}

/** Converts a result of CEL to JSON; undefined for a value that JSON cannot express, such as a type. */
export function fromCel(value: unknown): Json | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return fromBigInt(value);
  if (value instanceof Decimal) return value.toJson();
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value) || value instanceof Set)
    return [...value].map((element) => fromCel(element) ?? null);
  return typeof value === 'object' ? fromObject(value) : undefined;
}

function fromBigInt(value: bigint): number | ExactNumber {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : new ExactNumber(value.toString());
}

interface Printable {
  toString(): string;
}

function fromObject(value: object): Json | undefined {
  // The library declares types for its durations, unsigned numbers and optionals, but does not export the classes.
  const tag = Object.prototype.toString.call(value);
  if (tag === '[object optional]') return fromOptional(value);
  if (tag === '[object google.protobuf.Duration]') return (value as Printable).toString();
  if (tag.startsWith('[object value = '))
    return fromBigInt(BigInt((value as Printable).toString()));
  const plain = Object.getPrototypeOf(value) as unknown;
  if (!(value instanceof Map) && plain !== Object.prototype && plain !== null) return undefined;
  const entries: Iterable<[unknown, unknown]> =
    value instanceof Map ? value : Object.entries(value);
  return Object.fromEntries(
    [...entries].map(([name, member]) => [String(name), fromCel(member) ?? null]),
  );
}

function fromOptional(value: object): Json | undefined {
  const optional = value as { orValue(fallback: unknown): unknown };
  return fromCel(optional.orValue(null));
}
