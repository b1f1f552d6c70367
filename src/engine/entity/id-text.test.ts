import { expect, test } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import { idText } from './id-text.ts';

test('ids are texts, numbers in their one spelling', () => {
  expect([7, 7.0, -0, 1e21, new ExactNumber('12345678901234567890.0')].map(idText)).toEqual([
    '7',
    '7',
    '0',
    '1000000000000000000000',
    '12345678901234567890',
  ]);
  expect(['007', true, { b: 1, a: 2 }].map(idText)).toEqual(['007', 'true', '{"a":2,"b":1}']);
  expect([null, undefined, ''].map(idText)).toEqual([null, null, null]);
});
