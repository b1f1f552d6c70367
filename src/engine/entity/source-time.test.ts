import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import { compareTimes, laterTime, sourceTime } from './source-time.ts';

test('timestamps are told in UTC to the microsecond, numbers by their digits', () => {
  expect(sourceTime('1970-01-01T00:00:01.5Z')).toBe('1970-01-01T00:00:01.500000Z');
  expect(sourceTime('1970-01-01 02:00:00+02')).toBe('1970-01-01T00:00:00.000000Z');
  expect(sourceTime('1960-02-03 04:05:06.123456-05:30')).toBe('1960-02-03T09:35:06.123456Z');
  expect(sourceTime('2026-11-25 19:34:39.179792+00')).toBe('2026-11-25T19:34:39.179792Z');
  expect(sourceTime('2026-11-25')).toBe('2026-11-25');
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
  const [day, later] = [sourceTime('2026-01-01T00:00Z'), sourceTime('2026-01-01T00:00:00.000001Z')];
  expect([compareTimes(day, later), compareTimes(later, day)]).toEqual([-1, 1]);
  expect(compareTimes(day, '5')).toBe(0);
});

test('a date and a time are compared by their days', () => {
  const day = sourceTime('2026-01-02');
  const times = [
    '2026-01-01T23:59:59Z',
    '2026-01-02T00:00:00Z',
    '2026-01-02T12:00:00Z',
    '2026-01-03',
  ];
  expect(times.map((time) => compareTimes(day, sourceTime(time)))).toEqual([1, 0, 0, -1]);
  expect(times.map((time) => compareTimes(sourceTime(time), day))).toEqual([-1, 0, 0, 1]);
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
