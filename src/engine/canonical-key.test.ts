import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber } from '../model/json.ts';
import { canonicalKey } from './canonical-key.ts';

const exact = { caseInsensitive: false, trim: false };
const lenient = { caseInsensitive: true, trim: true };

test('numbers and their text compare by value', () => {
  const keys = [42, '42', 42.0, new ExactNumber('42'), new ExactNumber('42.00')];
  expect(new Set(keys.map((key) => canonicalKey([key], exact))).size).toBe(1);
  expect(canonicalKey(['042'], exact)).not.toBe(canonicalKey([42], exact));
});

test('text is exact unless the sync says otherwise', () => {
  expect(canonicalKey([' Ann'], exact)).not.toBe(canonicalKey(['ann'], exact));
  expect(canonicalKey([' Ann'], lenient)).toBe(canonicalKey(['ann'], lenient));
});

test('a missing part is a missing key', () => {
  expect(canonicalKey([1, null], exact)).toBeNull();
  expect(canonicalKey([''], exact)).toBeNull();
  expect(canonicalKey(['  '], lenient)).toBeNull();
  expect(canonicalKey(['  '], exact)).not.toBeNull();
});

test('composite keys never run into one another', () => {
  const key = fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(key, key, (a, b) => {
      const same = a.length === b.length && a.every((part, index) => part === b[index]);
      expect(canonicalKey(a, exact) === canonicalKey(b, exact)).toBe(same);
    }),
  );
});
