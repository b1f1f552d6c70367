import { expect, test } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import { isEmpty, sameFieldValue } from './same.ts';

test('values of a field are the same by value', () => {
  expect(sameFieldValue(1e-7, new ExactNumber('0.0000001'))).toBe(true);
  expect(sameFieldValue({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe(true);
  expect(sameFieldValue(null, null)).toBe(true);
  expect(sameFieldValue('2024-01-01', '2024-01-01T00:00:00Z')).toBe(false);
  expect(sameFieldValue(null, '')).toBe(false);
  expect(sameFieldValue(1, 2)).toBe(false);
});

test('empty is null, missing or an empty text', () => {
  expect([null, undefined, ''].map(isEmpty)).toEqual([true, true, true]);
  expect([0, false, ' '].map(isEmpty)).toEqual([false, false, false]);
});
