import { expect, it } from 'vitest';
import { ConfigError } from '../../model/failure.ts';
import {
  compareWatermarks,
  presentAtMost,
  subtractLag,
  WatermarkOrder,
  watermarkText,
} from './watermark.ts';

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
  expect(subtractLag(watermark, lag, 'c')).toBe(before);
});

it.each([
  ['100', '5m'],
  ['2026-01-01', 5],
  ['b', '5m'],
])('%s takes no lag of %s', (watermark, lag) => {
  expect(() => subtractLag(watermark, lag, 'c')).toThrow(ConfigError);
});

it.each([
  [['9', '10', '9.5']],
  [['2024-12-31', '2025-01-01T00:00:00Z', '2025-01-01 00:00:00.5+02']],
  [['a', 'b', 'v01', 'v10']],
  [['20241231', '20250101']],
  [['2024/12/31', '2025/01/01']],
  [['01HX3Z', '01HX4A']],
])('%j can be read in this order', (texts) => {
  const order = new WatermarkOrder();
  expect(texts.map((text) => order.meet(text))).toEqual(texts.map(() => undefined));
});

it.each([
  [['12/31/2024'], 'do not sort'],
  [['31.12.2024'], 'do not sort'],
  [['Dec 31, 2024'], 'do not sort'],
  [['Tue, 31 Dec 2024 10:00:00 GMT'], 'do not sort'],
  [['2024-12-31 01:00 PM'], 'do not sort'],
  [['2024/1/5', '2024/12/31'], 'do not sort'],
  [['v9', 'v10'], 'do not sort'],
  [['9', '2024-12-31'], 'numbers and times'],
  [['9', 'x'], 'numbers and texts'],
])('%j cannot', (texts, why) => {
  const order = new WatermarkOrder();
  expect(texts.map((text) => order.meet(text)).at(-1)).toContain(why);
});

it.each(['infinity', '-Infinity', 'NaN', null, ''])('%s is no watermark', (value) => {
  expect(watermarkText(value)).toBeNull();
});

it.each([
  ['2999-12-31', '2026-06-01'],
  ['2999-12-31 00:00:00+02', '2026-06-01 12:00:00.000Z'],
  ['2026-06-01T11:59:59Z', '2026-06-01T11:59:59Z'],
  ['99999999999', '99999999999'],
])('of %s and the present %s is the earlier', (watermark, earlier) => {
  expect(presentAtMost(watermark, Date.UTC(2026, 5, 1, 12))).toBe(earlier);
});
