import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import { canonicalDecimal, compareDecimals, toNumber } from './decimal.ts';

test('one spelling for every number', () => {
  expect(['42', '42.0', '4.2e1', '+0042', '420E-1'].map(canonicalDecimal)).toEqual(
    Array(5).fill('42'),
  );
  expect(canonicalDecimal('-0.00')).toBe('0');
  expect(canonicalDecimal('0.00120')).toBe('0.0012');
  expect(canonicalDecimal('1e999999999')).toBe('1e999999999');
  expect(canonicalDecimal('12a')).toBeNull();
  expect(canonicalDecimal('')).toBeNull();
});

test('the spelling keeps the value of every double', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Number(canonicalDecimal(String(value)))).toBe(value === 0 ? 0 : value);
    }),
  );
});

test('digits a double would change stay exact', () => {
  expect(toNumber('9007199254740991')).toBe(9_007_199_254_740_991);
  expect(toNumber('9007199254740993')).toEqual(new ExactNumber('9007199254740993'));
  expect(toNumber('12.5')).toBe(12.5);
  expect(toNumber('12.50')).toEqual(new ExactNumber('12.50'));
  expect(toNumber('0.1234567890123456')).toEqual(new ExactNumber('0.1234567890123456'));
  expect(toNumber('-0')).toEqual(new ExactNumber('-0'));
});

const canonical = (text: string): string => canonicalDecimal(text) ?? '';

test('decimals are ordered by value, whatever their length', () => {
  const ascending = [
    '-1e500',
    '-10',
    '-9.5',
    '-0.01',
    '0',
    '1e-500',
    '0.09',
    '0.1',
    '9',
    '10.5',
    '1e401',
    '2e500',
  ];
  const spelled = ascending.map(canonical);
  expect(spelled.toReversed().toSorted(compareDecimals)).toEqual(spelled);
  const doubles = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(doubles, doubles, (a, b) => {
      const order = compareDecimals(canonical(String(a)), canonical(String(b)));
      expect(Math.sign(order)).toBe(a < b ? -1 : Number(a > b));
    }),
  );
});
