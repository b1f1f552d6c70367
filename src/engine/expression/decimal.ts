import { ExactNumber } from '../../model/json.ts';

const literal = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** A number with more zeros than this stays in scientific notation, so that `1e999999999` costs nothing. */
const longestPlain = 400;

/** Reads a number literal: a number where a double holds it exactly as written, else an `ExactNumber`. */
export function toNumber(digits: string): number | ExactNumber {
  const value = Number(digits);
  if (String(value) !== digits) return new ExactNumber(digits);
  if (Number.isSafeInteger(value)) return value;
  const significant = digits.replace(/[eE].*$/, '').replace(/^-?0?\.?0*|[-.]/g, '');
  return significant.length <= 15 ? value : new ExactNumber(digits);
}

/**
 * Returns the canonical spelling of a decimal number, the same for `42`, `42.0` and `4.2e1`; null for what is not a
 * number.
 */
export function canonicalDecimal(text: string): string | null {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = literal.exec(text) ?? [];
  if (whole === '') return null;
  const coefficient = (whole + fraction).replace(/^0+/, '');
  const digits = coefficient.replace(/0+$/, '');
  if (digits === '') return '0';
  const power = Number(exponent) - fraction.length + (coefficient.length - digits.length);
  return (sign === '-' ? '-' : '') + plain(digits, power);
}

function plain(digits: string, power: number): string {
  if (Math.abs(power) > longestPlain) return `${digits}e${power}`;
  if (power >= 0) return digits + '0'.repeat(power);
  const padded = digits.padStart(1 - power, '0');
  return `${padded.slice(0, power)}.${padded.slice(power)}`;
}

/** Orders two canonical decimals by value, as a comparison function does. */
export function compareDecimals(a: string, b: string): number {
  if (a === b) return 0;
  const left = scientific(a);
  const right = scientific(b);
  if (left.sign !== right.sign) return left.sign - right.sign;
  if (left.magnitude !== right.magnitude) return left.sign * (left.magnitude - right.magnitude);
  return left.sign * (left.digits < right.digits ? -1 : Number(left.digits > right.digits));
}

/** Splits a decimal into sign · 0.digits · 10^magnitude. */
function scientific(text: string): { sign: number; digits: string; magnitude: number } {
  const [, sign, whole = '', fraction = '', exponent = '0'] = literal.exec(text) ?? [];
  const coefficient = whole + fraction;
  const digits = coefficient.replace(/^0+/, '');
  if (digits === '') return { sign: 0, digits, magnitude: 0 };
  return {
    sign: sign === '-' ? -1 : 1,
    digits: digits.replace(/0+$/, ''),
    magnitude: whole.length + Number(exponent) - (coefficient.length - digits.length),
  };
}
