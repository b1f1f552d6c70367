import { expect, it } from 'vitest';
import { ExactNumber } from '../../../model/json.ts';
import { toText } from './to-text.ts';

it.each([
  ['42.0', '42'],
  ['-7.', '-7'],
  ['1e3', '1000'],
  ['1.5E+2', '150'],
  ['9007199254740993.00', '9007199254740993'],
  ['1.5', '1.5'],
  ['1.00000000000000000001e3', '1.00000000000000000001e3'],
])('writes %s into an integer column as %s', (digits, text) => {
  expect(toText(new ExactNumber(digits), 'bigint', 'N', 'json')).toBe(text);
});

it('leaves a number in other columns, and a text in any, as it was written', () => {
  expect(toText(new ExactNumber('42.0'), 'numeric', 'N', 'json')).toBe('42.0');
  expect(toText('42.0', 'integer', 'N', 'json')).toBe('42.0');
});
