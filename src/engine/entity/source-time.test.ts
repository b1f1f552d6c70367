import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import { compareTimes, laterTime, sourceTime } from './source-time.ts';

test('timestamps become microseconds, numbers their digits', () => {
  expect(sourceTime('1970-01-01T00:00:01.5Z')).toBe('1500000');
  expect(sourceTime('1970-01-01 02:00:00+02')).toBe('0');
  expect(sourceTime(42)).toBe('42');
  expect(sourceTime('42.50')).toBe('42.5');
  expect(sourceTime(new ExactNumber('12345678901234567890'))).toBe('12345678901234567890');
  expect([null, undefined, 'soon', true, {}].map((value) => sourceTime(value))).toEqual(
    Array(5).fill(null),
  );
});

test('times are ordered by value', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), (a, b) => {
      expect(Math.sign(compareTimes(sourceTime(a), sourceTime(b)))).toBe(Math.sign(a - b) + 0);
    }),
  );
  expect(compareTimes('9', '10')).toBeLessThan(0);
  expect(compareTimes('-9', '-10')).toBeGreaterThan(0);
});

test('an unknown time is neither older nor newer', () => {
  expect([compareTimes(null, '1'), compareTimes('1', null), compareTimes(null, null)]).toEqual([
    0, 0, 0,
  ]);
  expect([laterTime(null, '1'), laterTime('1', null), laterTime('1', '2')]).toEqual([
    '1',
    '1',
    '2',
  ]);
});
