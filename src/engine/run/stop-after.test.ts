import { expect, test } from 'vitest';
import { tooManyErrors } from './stop-after.ts';

test.each([
  ['as many as allowed', { errors: 5 }, { imported: 10, errors: 5 }, false, false],
  ['one more', { errors: 5 }, { imported: 10, errors: 6 }, false, true],
  ['none allowed', { errors: 0 }, { imported: 10, errors: 1 }, false, true],
  ['the very share', { fraction: 0.1 }, { imported: 1000, errors: 100 }, false, false],
  ['a greater share', { fraction: 0.1 }, { imported: 1000, errors: 101 }, false, true],
  ['a great share of few', { fraction: 0.1 }, { imported: 99, errors: 99 }, false, false],
  [
    'a great share of few, and no more come',
    { fraction: 0.1 },
    { imported: 9, errors: 9 },
    true,
    true,
  ],
  ['nothing imported', { fraction: 0 }, { imported: 0, errors: 0 }, true, false],
  ['either bound', { errors: 500, fraction: 0.1 }, { imported: 200, errors: 50 }, false, true],
  ['the other bound', { errors: 5, fraction: 1 }, { imported: 200, errors: 50 }, false, true],
])('%s', (_, limit, stats, complete, stops) => {
  expect(tooManyErrors(limit, stats, complete) !== null).toBe(stops);
});

test('says how many of how many, and which bound', () => {
  expect(tooManyErrors({ errors: 5 }, { imported: 10, errors: 6 }, false)).toBe(
    '6 of 10 imported records failed, more than stopAfter allows (errors: 5)',
  );
});
