import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber, type Json } from '../../model/json.ts';
import { Decimal } from './decimal-value.ts';
import { ExpressionError } from './expression-error.ts';

function decimal(text: string): Decimal {
  const parsed = Decimal.parse(text);
  if (parsed === null) throw new Error(`${text} is no number`);
  return parsed;
}

function over(a: string, b: string): string {
  return String(decimal(a).over(decimal(b)));
}

function round(text: string, places: number): string {
  return String(decimal(text).round(places));
}

function shifted(value: bigint, by: number): Decimal {
  return decimal(`${value}e-${by}`);
}

test('sums, differences and products are exact', () => {
  expect(String(decimal('12345678901234567.123456').plus(decimal('0.1')))).toBe(
    '12345678901234567.223456',
  );
  expect(String(decimal('0.1').plus(decimal('0.2')))).toBe('0.3');
  expect(String(decimal('1e30').minus(decimal('1e-10')))).toBe(
    '999999999999999999999999999999.9999999999',
  );
  expect(String(decimal('-1.10').times(decimal('2.50')))).toBe('-2.75');
  expect(decimal('1.5').plus(decimal('1.5')).toJson()).toBe(3);
});

test('what is not computed with stays as it was written', () => {
  expect(new Decimal(new ExactNumber('1.10')).toJson()).toEqual(new ExactNumber('1.10'));
  expect(String(new Decimal(new ExactNumber('1E400')))).toBe('1E400');
});

test('a quotient is exact where it ends, and rounded like this where it does not', () => {
  expect(over('1', '1024')).toBe('0.0009765625');
  expect(over('-12.5', '0.25')).toBe('-50');
  expect(over('1', '1073741824')).toBe('0.000000000931322574615478515625');
  expect(over('10', '3')).toBe('3.33333333333333');
  expect(over('2', '300')).toBe('0.00666666666666667');
  expect(over('-2', '3')).toBe('-0.666666666666667');
  expect(over('1e20', '3')).toBe('33333333333333333333');
  expect(over('12345678901234567.123456', '7')).toBe('1763668414462081.017637');
  expect(over('1e400', '3')).toBe('3'.repeat(400));
  expect(() => over('1', '0')).toThrow('division by zero');
});

test('a quotient that was rounded is a number that a double holds', () => {
  const numbers = fc.integer({ min: -1_000_000, max: 1_000_000 }).filter((value) => value !== 0);
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const quotient: Json = decimal(String(a))
        .over(decimal(String(b)))
        .toJson();
      const close = Math.abs(Number(quotient) - a / b) <= Math.abs(a / b) * 1e-14;
      expect(close).toBe(true);
      expect(Number(String(Number(quotient)))).toBe(Number(quotient));
    }),
  );
});

test('rounding goes away from zero', () => {
  expect([round('1.005', 2), round('-2.5', 0), round('0.0449', 2), round('1250', -2)]).toEqual([
    '1.01',
    '-3',
    '0.04',
    '1300',
  ]);
  expect(round('12345678901234567.123456', 2)).toBe('12345678901234567.12');
  expect(decimal('-1.9').truncated()).toBe(-1n);
});

test('computing agrees with whole numbers of any size', () => {
  const whole = fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n });
  const scale = fc.integer({ min: 0, max: 40 });
  fc.assert(
    fc.property(whole, whole, scale, (a, b, by) => {
      const [x, y] = [shifted(a, by), shifted(b, by)];
      expect(x.plus(y).compare(shifted(a + b, by))).toBe(0);
      expect(x.minus(y).compare(shifted(a - b, by))).toBe(0);
      expect(x.times(y).compare(shifted(a * b, 2 * by))).toBe(0);
      expect(Math.sign(x.compare(y))).toBe(a < b ? -1 : Number(a > b));
      expect(x.plus(y).minus(y).compare(x)).toBe(0);
    }),
  );
});

test('computing with few digits agrees with computing with many', () => {
  const few = fc.tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 12 }));
  // These have too many digits for doubles, and cancel out again.
  const wide = decimal('1e40');
  fc.assert(
    fc.property(few, few, ([a, left], [b, right]) => {
      const [x, y] = [decimal(`${a}e-${left}`), decimal(`${b}e-${right}`)];
      expect(x.plus(y).compare(x.plus(wide).plus(y).minus(wide))).toBe(0);
      expect(x.minus(y).compare(x.plus(wide).minus(y).minus(wide))).toBe(0);
      expect(x.times(y).compare(x.times(wide).times(y).over(wide))).toBe(0);
    }),
  );
  expect(Object.is(decimal('0').times(decimal('-1')).toJson(), 0)).toBe(true);
});

test('what would take too many digits is refused at once', () => {
  const huge = decimal('1e999999999');
  for (const compute of [
    () => huge.plus(decimal('1')),
    () => huge.over(decimal('3')),
    () => huge.truncated(),
    () => decimal('1.5').round(1e9),
  ])
    expect(compute).toThrow(ExpressionError);
  expect(huge.compare(decimal('1'))).toBeGreaterThan(0);
});
