import type { Environment } from '@marcbachmann/cel-js';
import { Decimal } from './decimal-value.ts';
import { ExpressionError } from './expression-error.ts';

type Numeric = bigint | number | Decimal;

interface Arithmetic {
  readonly exact: (a: Decimal, b: Decimal) => Decimal;
  /** Used for infinities and NaN, which decimals lack. */
  readonly double: (a: number, b: number) => number;
}

const arithmetic: Readonly<Record<string, Arithmetic>> = {
  '+': { exact: (a, b) => a.plus(b), double: (a, b) => a + b },
  '-': { exact: (a, b) => a.minus(b), double: (a, b) => a - b },
  '*': { exact: (a, b) => a.times(b), double: (a, b) => a * b },
  '/': { exact: (a, b) => a.over(b), double: (a, b) => a / b },
};

const order: Readonly<Record<string, (sign: number) => boolean>> = {
  '<': (sign) => sign < 0,
  '<=': (sign) => sign <= 0,
  '>': (sign) => sign > 0,
  '>=': (sign) => sign >= 0,
};

/** Pairs of number kinds that CEL itself does not compute with. */
const mixed = [
  ['decimal', 'decimal'],
  ['decimal', 'int'],
  ['int', 'decimal'],
  ['decimal', 'double'],
  ['double', 'decimal'],
] as const;

/** Adds arithmetic and comparison of decimals, and of numbers of different kinds, which are converted to decimals. */
export function addNumbers(target: Environment): void {
  for (const [left, right] of [...mixed, ['int', 'double'], ['double', 'int']] as const)
    for (const [operator, { exact, double }] of Object.entries(arithmetic))
      target.registerOperator(`${left} ${operator} ${right}: dyn`, (a: Numeric, b: Numeric) => {
        const [x, y] = [decimalOf(a), decimalOf(b)];
        const isDouble =
          x === null || y === null || (operator === '/' && isExactDouble(a) && isExactDouble(b));
        return isDouble ? double(doubleOf(a), doubleOf(b)) : exact(x, y);
      });
  for (const [left, right] of mixed)
    for (const [operator, holds] of Object.entries(order))
      target.registerOperator(`${left} ${operator} ${right}: bool`, (a: Numeric, b: Numeric) =>
        holds(compareNumbers(a, b)),
      );
  for (const other of ['decimal', 'int', 'double'])
    target.registerOperator(`decimal == ${other}: bool`, isSameNumber);
  target.registerOperator('int == double: bool', isSameNumber);
  target.registerOperator('-decimal: decimal', (value: Decimal) => value.negated());
  target.registerFunction('double(decimal): double', doubleOf, { async: false });
  target.registerFunction('int(decimal): int', integerOf, { async: false });
  target.registerFunction('string(decimal): string', String, { async: false });
}

/** True when a value of an expression is a number. */
export function isNumber(value: unknown): value is Numeric {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof Decimal;
}

/** True when two numbers of an expression are equal by value, whatever their kinds. */
export function isSameNumber(a: Numeric, b: Numeric): boolean {
  return compareNumbers(a, b) === 0;
}

/** Returns a negative number when `a` is less, a positive one when it is more, NaN when one of them is NaN. */
function compareNumbers(a: Numeric, b: Numeric): number {
  const [x, y] = [decimalOf(a), decimalOf(b)];
  if (x !== null && y !== null) return x.compare(y);
  const [left, right] = [doubleOf(a), doubleOf(b)];
  return left === right ? 0 : left - right;
}

/**
 * Converts a number to a decimal. A double becomes the shortest decimal that reads as that double: 0.1 is 0.1. Null for
 * infinities and NaN.
 */
function decimalOf(value: Numeric): Decimal | null {
  if (typeof value === 'bigint') return Decimal.of(value);
  if (typeof value === 'number') return Number.isFinite(value) ? new Decimal(value) : null;
  return value;
}

/**
 * True for a number of double or integer kind that a double holds exactly. A quotient of two such numbers is the
 * nearest double.
 */
function isExactDouble(value: Numeric): boolean {
  return (
    typeof value === 'number' || (typeof value === 'bigint' && Number.isSafeInteger(Number(value)))
  );
}

function doubleOf(value: Numeric): number {
  return value instanceof Decimal ? value.toNumber() : Number(value);
}

function integerOf(value: Decimal): bigint {
  const whole = value.truncated();
  if (BigInt.asIntN(64, whole) === whole) return whole;
  throw new ExpressionError('inexact', 'the number has more than 64 bits');
}
