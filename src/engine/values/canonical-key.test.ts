import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
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

test('a name that every object knows is a text as any other', () => {
  const match = { ...exact, fields: [{ name: 'k', type: 'boolean' as const }] };
  expect(canonicalKey(['constructor'], match)).toBe('["constructor"]');
});

test('a missing part is a missing key', () => {
  expect(canonicalKey([1, null], exact)).toBeNull();
  expect(canonicalKey([''], exact)).toBeNull();
  expect(canonicalKey([' '], { ...exact, trim: true, emptyIsKey: true })).toBe('[""]');
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

test.each([
  ['a number', { type: 'integer' }, ['0042', ' 42 ', '42.0', 42, new ExactNumber('42.00')], '43'],
  ['a decimal', { type: 'decimal' }, ['1.0', '1', 1, '01.00'], '1.01'],
  [
    'a uuid',
    { type: 'text', native: 'uuid' },
    [
      '6F1D0B5E-0000-4000-8000-00000000000A',
      '6f1d0b5e-0000-4000-8000-00000000000a',
      '{6f1d0b5e00004000800000000000000a}',
    ],
    '6f1d0b5e-0000-4000-8000-00000000000b',
  ],
  [
    'a moment',
    { type: 'timestamptz' },
    ['2026-01-01 00:00:00+00', '2026-01-01T02:00:00+02:00', '2026-01-01T00:00:00.000Z'],
    '2026-01-01T00:00:00.001Z',
  ],
  ['a truth', { type: 'boolean' }, ['t', 'true', 'TRUE', true], 'f'],
  ['a padded text', { type: 'text', native: 'character(5)' }, ['ab', 'ab   '], ' ab'],
  ['a text', { type: 'text' }, [42, '42'], '0042'],
  ['an unknown type', undefined, [42, '42'], '0042'],
  ['a text in one normal form', { type: 'text' }, ['\u00e9'], 'e\u0301'],
] as const)('compares texts as %s holds them', (_, type, same, other) => {
  const fields = [type && { name: 'k', ...type }];
  const match = { caseInsensitive: false, trim: false, fields };
  const texts = new Set(same.map((value) => canonicalKey([value], match)));
  expect(texts.size).toBe(1);
  expect(texts).not.toContain(canonicalKey([other], match));
});
