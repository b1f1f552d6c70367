import type { ExactNumber } from '../../model/json.ts';
import { canonicalDecimal, compareDecimals, toNumber } from './decimal.ts';
import { ExpressionError } from './expression-error.ts';

/** The most digits that a result may have; PostgreSQL's numeric holds fewer. */
const mostDigits = 150_000;
/** Significant digits that are kept of a quotient without end; a double holds them all. */
const quotientDigits = 15;
/** Digits beyond the kept ones within which a quotient may still come to an end. */
const guardDigits = 40;

/** The number coefficient / 10^scale. */
interface Parts {
  readonly coefficient: bigint;
  readonly scale: number;
  /** The number of digits of the coefficient. */
  readonly length: number;
}

/** A number whose coefficient a double holds, so that computing with it needs no big integers. */
interface Small {
  readonly coefficient: number;
  readonly scale: number;
}

/** Whole numbers below this bound have at most 15 digits, and a double holds each of them exactly. */
const smallBound = 1e15;
/** The greatest power of ten that a double holds exactly, so dividing by it rounds only once. */
const mostDecimals = 22;

/**
 * A decimal number of any length, for exact arithmetic in expressions. It keeps its spelling until it is computed with;
 * a computed number has no trailing zeros. Sums, differences and products are exact. A quotient that does not end is
 * rounded, half away from zero, to 15 significant digits or to as many decimals as its operands have, whichever is
 * more.
 */
export class Decimal {
  readonly #written: number | ExactNumber;
  #spelling: string | undefined;
  #parts: Parts | undefined;
  #small: Small | null | undefined;

  /** @param written a finite number, or the digits of one */
  constructor(written: number | ExactNumber) {
    this.#written = written;
  }

  /** Returns the number that a text spells; null for a text that is no number. */
  static parse(text: string): Decimal | null {
    const digits = canonicalDecimal(text);
    return digits === null ? null : new Decimal(toNumber(digits));
  }

  /** Returns the decimal of an integer. */
  static of(value: bigint): Decimal {
    const number = Number(value);
    return new Decimal(Number.isSafeInteger(number) ? number : toNumber(String(value)));
  }

  /** Returns the number as JSON: a plain number where a double holds it exactly as written, else an `ExactNumber`. */
  toJson(): number | ExactNumber {
    return this.#written;
  }

  toString(): string {
    return String(this.#written);
  }

  /** Returns the nearest double. */
  toNumber(): number {
    return Number(String(this.#written));
  }

  /** Orders two numbers by value, as a comparison function does. */
  compare(other: Decimal): number {
    const [left, right] = [this.#written, other.#written];
    // A plain number was held exactly by a double; any other would be an `ExactNumber`.
    return typeof left === 'number' && typeof right === 'number'
      ? left - right
      : compareDecimals(this.#canonical, other.#canonical);
  }

  plus(other: Decimal): Decimal {
    return (
      this.#quickly(other, (left, right) => left + right) ??
      this.#aligned(other, (left, right) => left + right)
    );
  }

  minus(other: Decimal): Decimal {
    return (
      this.#quickly(other, (left, right) => left - right) ??
      this.#aligned(other, (left, right) => left - right)
    );
  }

  times(other: Decimal): Decimal {
    const [a, b] = [this.#quick, other.#quick];
    const quick = a && b && madeSmall(a.coefficient * b.coefficient, a.scale + b.scale);
    if (quick) return quick;
    const [left, right] = [this.#exact, other.#exact];
    checkSize(left.length + right.length);
    return made(left.coefficient * right.coefficient, left.scale + right.scale);
  }

  /** @throws ExpressionError for a division by zero */
  over(other: Decimal): Decimal {
    const [left, right] = [this.#exact, other.#exact];
    if (right.coefficient === 0n)
      throw new ExpressionError('expression_failed', 'division by zero');
    const decimals = Math.max(left.scale, right.scale, 0);
    const whole = left.length - left.scale - (right.length - right.scale);
    const scale = Math.max(decimals, quotientDigits - whole) + guardDigits;
    const shift = scale + right.scale - left.scale;
    checkSize(Math.abs(shift) + left.length + right.length);
    const dividend = left.coefficient * power(Math.max(shift, 0));
    const divisor = right.coefficient * power(Math.max(-shift, 0));
    const quotient = dividend / divisor;
    if (quotient * divisor === dividend) return made(quotient, scale);
    const significant = quotientDigits + scale - lengthOf(quotient);
    return rounded(quotient, scale, Math.max(decimals, significant));
  }

  negated(): Decimal {
    const { coefficient, scale } = this.#exact;
    return made(-coefficient, scale);
  }

  /**
   * Rounds half away from zero.
   * @param places decimals to keep; negative for tens, hundreds and so on
   */
  round(places: number): Decimal {
    checkSize(Math.abs(places));
    const { coefficient, scale } = this.#exact;
    return rounded(coefficient, scale, places);
  }

  /** Returns the whole part. */
  truncated(): bigint {
    const { coefficient, scale, length } = this.#exact;
    checkSize(length + Math.max(-scale, 0));
    return scale >= 0 ? coefficient / power(scale) : coefficient * power(-scale);
  }

  get #canonical(): string {
    return (this.#spelling ??= canonicalDecimal(String(this.#written)) ?? '0');
  }

  get #exact(): Parts {
    return (this.#parts ??= partsOf(this.#canonical));
  }

  get #quick(): Small | null {
    return this.#small === undefined ? (this.#small = smallOf(this.#written)) : this.#small;
  }

  /** Does the work of `#aligned` with doubles; null where they would not be exact. */
  #quickly(other: Decimal, combine: (left: number, right: number) => number): Decimal | null {
    const [left, right] = [this.#quick, other.#quick];
    if (left === null || right === null) return null;
    const scale = Math.max(left.scale, right.scale);
    const a = left.coefficient * 10 ** (scale - left.scale);
    const b = right.coefficient * 10 ** (scale - right.scale);
    return Math.max(Math.abs(a), Math.abs(b)) < smallBound ? madeSmall(combine(a, b), scale) : null;
  }

  /** Combines the coefficients of two numbers at one scale. */
  #aligned(other: Decimal, combine: (left: bigint, right: bigint) => bigint): Decimal {
    const [left, right] = [this.#exact, other.#exact];
    const scale = Math.max(left.scale, right.scale);
    checkSize(Math.abs(left.scale - right.scale) + Math.max(left.length, right.length));
    const at = (parts: Parts): bigint => parts.coefficient * power(scale - parts.scale);
    return made(combine(at(left), at(right)), scale);
  }
}

function smallOf(written: number | ExactNumber): Small | null {
  if (typeof written !== 'number') return null;
  const text = String(written);
  const point = text.indexOf('.');
  if (text.length > 16 || text.includes('e')) return null;
  if (point < 0) return { coefficient: written, scale: 0 };
  const coefficient = Number(text.slice(0, point) + text.slice(point + 1));
  return { coefficient, scale: text.length - point - 1 };
}

/** Returns null where the number may have more digits than a double keeps. */
function madeSmall(coefficient: number, scale: number): Decimal | null {
  if (Math.abs(coefficient) >= smallBound || scale > mostDecimals) return null;
  // Adding 0 turns -0 into 0.
  return new Decimal(coefficient / 10 ** scale + 0);
}

function partsOf(canonical: string): Parts {
  const [mantissa = '', exponent = '0'] = canonical.split('e');
  checkSize(mantissa.length);
  const [whole = '', fraction = ''] = mantissa.split('.');
  const coefficient = BigInt(whole + fraction);
  return {
    coefficient,
    scale: fraction.length - Number(exponent),
    length: lengthOf(coefficient),
  };
}

function lengthOf(coefficient: bigint): number {
  return String(coefficient).replace('-', '').length;
}

function power(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

function rounded(coefficient: bigint, scale: number, places: number): Decimal {
  if (places >= scale) return made(coefficient, scale);
  const unit = power(scale - places);
  const half = coefficient < 0n ? -unit / 2n : unit / 2n;
  return made((coefficient + half) / unit, places);
}

function made(coefficient: bigint, scale: number): Decimal {
  return new Decimal(toNumber(canonicalDecimal(`${coefficient}e${-scale}`) ?? '0'));
}

function checkSize(digits: number): void {
  if (digits > mostDigits)
    throw new ExpressionError('inexact', `the number has more than ${mostDigits} digits`);
}
