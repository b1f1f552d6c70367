import { expect, it } from 'vitest';
import { ConfigError } from '../model/failure.ts';
import { compareWatermarks, rewind } from './watermark.ts';

it.each([
  ['9', '10'],
  ['9.5', '10'],
  ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.5Z'],
  ['2026-01-01T01:00:00+02:00', '2026-01-01T00:00:00Z'],
  ['a', 'b'],
])('%s comes before %s', (a, b) => {
  expect(compareWatermarks(a, b)).toBe(-1);
  expect(compareWatermarks(b, a)).toBe(1);
});

it.each([
  ['100', 5, '95'],
  ['9007199254740993', 1, '9007199254740992'],
  ['1.5', 1, '0.5'],
  ['2026-01-01T00:00:00.000500Z', '1s', '2025-12-31T23:59:59.000Z'],
  ['2026-01-01 00:00:00+02', '1h', '2025-12-31 21:00:00.000Z'],
  ['2026-01-01T00:00:00', '1d', '2025-12-31T00:00:00.000'],
  ['2026-01-01', '36h', '2025-12-30'],
])('%s less %s is %s', (watermark, lag, before) => {
  expect(rewind(watermark, lag, 'c')).toBe(before);
});

it.each([
  ['100', '5m'],
  ['2026-01-01', 5],
  ['b', '5m'],
])('%s takes no lag of %s', (watermark, lag) => {
  expect(() => rewind(watermark, lag, 'c')).toThrow(ConfigError);
});
