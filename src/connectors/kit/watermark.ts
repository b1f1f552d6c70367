import { milliseconds } from '../../model/duration.ts';
import { ConfigError } from '../../model/failure.ts';
import { instant } from '../../model/instant.ts';
import { ExactNumber } from '../../model/json.ts';
import type { Value } from '../../model/record.ts';
import type { Settled } from '../contract/source.ts';

const integer = /^-?\d+$/;
const decimal = /^-?\d+(\.\d+)?$/;

const endless = /^[+-]?(infinity|nan)$/i;

/** A watermark's text; null where the record has none, or one that stands for no place among others (`infinity`, `NaN`). */
export function watermarkText(value: Value): string | null {
  if (value === undefined || value === null || value === '') return null;
  if (value instanceof ExactNumber) return value.digits;
  if (typeof value === 'object') return null;
  const text = String(value);
  return endless.test(text) ? null : text;
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

/** The kinds of values that watermarks are compared as. */
export type WatermarkKind = 'number' | 'time' | 'text';

/** The kind that {@link compareWatermarks} takes a text for. */
export function watermarkKind(text: string): WatermarkKind {
  if (decimal.test(text)) return 'number';
  return instant(text) === null ? 'text' : 'time';
}

/**
 * Meets the watermarks of a stream one by one and finds out whether they sort: all must be numbers, or ISO timestamps,
 * or texts whose order is that of their characters.
 */
export class WatermarkOrder {
  #kind: WatermarkKind | undefined;
  readonly #lengths = new Map<string, number>();

  /** Why the stream cannot be read by this field, in words that follow its name; undefined while it can. */
  meet(text: string): string | undefined {
    const kind = watermarkKind(text);
    this.#kind ??= kind;
    if (kind !== this.#kind) return `holds ${plural[this.#kind]} and ${plural[kind]}`;
    if (kind === 'text' && !this.#sorts(text)) return 'holds texts that do not sort';
    return undefined;
  }

  /** False for dates that do not begin with the year, and for numbers in a text that are not padded. */
  #sorts(text: string): boolean {
    if (unsorted.some((pattern) => pattern.test(text))) return false;
    const shape = text.replace(/\d+/g, '0');
    const known = this.#lengths.get(shape);
    if (known === undefined && this.#lengths.size < mostShapes)
      this.#lengths.set(shape, text.length);
    return known === undefined || known === text.length;
  }
}

/** Texts of more shapes are not told apart. */
const mostShapes = 1000;

const plural = { number: 'numbers', time: 'times', text: 'texts' } as const;

const unsorted = [
  /^\D{0,5}\d{1,2}[./ -]\d{1,2}[./ -]\d{2,4}(?!\d)/,
  /\d.*\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b.*\d/i,
  /\d\s?[ap]\.?m\b/i,
];

/** A watermark, or the present spelt like it, whichever is earlier: a time in the future would hold it there. */
export function presentAtMost(watermark: string, now: number): string {
  const at = instant(watermark);
  return at === null || at <= BigInt(now) * 1000n ? watermark : spelt(now, watermark);
}

/** The watermark up to which a read to `high` leaves nothing behind: the present at most. */
export function settledNow(high: string): Settled {
  const watermark = presentAtMost(high, Date.now());
  return { watermark, ahead: watermark !== high };
}

/**
 * A watermark less its lag, spelt as it was.
 * @throws ConfigError `invalid_lag` where the two do not go together
 */
export function subtractLag(
  watermark: string,
  lag: string | number | undefined,
  connection: string,
): string {
  if (lag === undefined) return watermark;
  if (typeof lag === 'number' && decimal.test(watermark)) return minus(watermark, lag);
  const at = typeof lag === 'string' ? instant(watermark) : null;
  if (at === null || typeof lag === 'number') throw invalidLag(lag, connection);
  return spelt(Number(at / 1000n) - milliseconds(lag), watermark);
}

/** A time in the spelling of another. */
function spelt(time: number, like: string): string {
  const text = new Date(time).toISOString();
  if (like.length === 10) return text.slice(0, 10);
  const zoned = /(Z|[+-]\d\d(:?\d\d)?)$/i.test(like);
  return `${text.slice(0, 10)}${like[10] ?? 'T'}${text.slice(11, 23)}${zoned ? 'Z' : ''}`;
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
