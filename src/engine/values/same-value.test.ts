import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber, type Json } from '../../model/json.ts';
import { sameValue } from './same-value.ts';

test('a number equals its text by value, text of one type is exact', () => {
  expect(sameValue(12.5, '12.50')).toBe(true);
  expect(sameValue('12.50', new ExactNumber('12.5'))).toBe(true);
  expect(sameValue('12.50', '12.5')).toBe(false);
  expect(sameValue('12.50', '12.5', 'decimal')).toBe(true);
  expect(sameValue(new ExactNumber('9007199254740993'), 9007199254740992)).toBe(false);
  expect(sameValue(1, true)).toBe(false);
  expect(sameValue(true, 'TRUE')).toBe(true);
});

test('null is not an empty text, a lacking field is null', () => {
  expect(sameValue(null, '')).toBe(false);
  expect(sameValue('', undefined)).toBe(false);
  expect(sameValue(null, undefined)).toBe(true);
});

test('timestamps are instants to the microsecond', () => {
  expect(sameValue('2024-01-02T03:04:05Z', '2024-01-02T05:04:05.000000+02:00')).toBe(true);
  expect(sameValue('2024-01-02T03:04:05.000001Z', '2024-01-02T03:04:05.000002Z')).toBe(false);
  expect(sameValue('2024-01-02', '2024-01-02T00:00:00', 'timestamp')).toBe(true);
  expect(sameValue('2024-01-02T03:04:05Z', '2024-01-02T03:04:05.0Z', 'text')).toBe(false);
});

test('lists and objects are compared deeply', () => {
  expect(sameValue({ a: [1, { b: '2' }] }, { a: [1, { b: 2 }] })).toBe(true);
  expect(sameValue({ a: 1 }, { a: 1, b: null })).toBe(false);
  expect(sameValue([1, 2], [1])).toBe(false);
  expect(sameValue([], {})).toBe(false);
});

test('a list or an object equals its JSON text, as a CSV file holds it', () => {
  expect(sameValue([1, { a: null }], '[1.0,{"a":null}]')).toBe(true);
  expect(sameValue({ a: 1 }, '{"a":2}')).toBe(false);
  expect(sameValue([], '')).toBe(false);
  expect(sameValue([1], '"[1]"')).toBe(false);
});

test('every value equals itself and a value that differs is seen from both sides', () => {
  const json = fc.jsonValue() as fc.Arbitrary<Json>;
  fc.assert(
    fc.property(json, json, (a, b) => {
      // A text may be the JSON text of a list, so texts are compared only with texts.
      fc.pre((typeof a === 'string') === (typeof b === 'string'));
      expect(sameValue(a, structuredClone(a))).toBe(true);
      expect(sameValue(a, b)).toBe(sameValue(b, a));
    }),
  );
});
