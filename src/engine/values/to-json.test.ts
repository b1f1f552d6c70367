import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FieldType } from '../../model/field.ts';
import { ExactNumber } from '../../model/json.ts';
import { toJson } from './to-json.ts';

function sql(type: FieldType, text: string | null | undefined, native?: string) {
  return toJson(text, { name: 'x', type, ...(native === undefined ? {} : { native }) }, 'sql');
}

test('numbers keep their digits', () => {
  expect(sql('integer', '-7')).toBe(-7);
  expect(sql('integer', '9007199254740993')).toEqual(new ExactNumber('9007199254740993'));
  expect(sql('decimal', '12.5')).toBe(12.5);
  expect(sql('decimal', '12.50')).toEqual(new ExactNumber('12.50'));
  expect(sql('decimal', 'NaN')).toBe('NaN');
  expect(sql('float', '1e+20')).toBe(1e20);
  expect(sql('float', '-Infinity')).toBe('-Infinity');
});

test('timestamps become ISO 8601, odd ones stay', () => {
  expect(sql('timestamptz', '2024-01-02 03:04:05.123456+00')).toBe('2024-01-02T03:04:05.123456Z');
  expect(sql('timestamptz', '2024-01-02 03:04:05+05:30')).toBe('2024-01-02T03:04:05+05:30');
  expect(sql('timestamptz', '2024-01-02 03:04:05-08')).toBe('2024-01-02T03:04:05-08:00');
  expect(sql('timestamp', '2024-01-02 03:04:05.123456')).toBe('2024-01-02T03:04:05.123456');
  for (const odd of ['infinity', '-infinity', '0044-03-15 12:00:00 BC', '12024-01-01 00:00:00'])
    expect(sql('timestamp', odd)).toBe(odd);
});

test('booleans, bytes, json, null and missing', () => {
  expect([sql('boolean', 't'), sql('boolean', 'f')]).toEqual([true, false]);
  expect(sql('bytes', '\\x00ff10')).toBe('AP8Q');
  expect(sql('json', '{"a": [1, 1.0, 12345678901234567890]}')).toEqual({
    a: [1, new ExactNumber('1.0'), new ExactNumber('12345678901234567890')],
  });
  expect(sql('json', 'null')).toBeNull();
  expect(sql('text', null)).toBeNull();
  expect(sql('text', undefined)).toBeUndefined();
  expect(sql('text', '42')).toBe('42');
});

test('arrays become lists of their element type', () => {
  expect(sql('array', '{1,NULL,3}', 'int4[]')).toEqual([1, null, 3]);
  expect(sql('array', '{{1,2},{3,4}}', 'integer[]')).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(sql('array', '[0:1]={t,f}', 'boolean[]')).toEqual([true, false]);
  expect(sql('array', '{a,NULL,"b,c","NULL","q\\"\\\\"}', 'text[]')).toEqual([
    'a',
    null,
    'b,c',
    'NULL',
    'q"\\',
  ]);
  expect(sql('array', '{}', 'text[]')).toEqual([]);
  expect(sql('array', '{"2024-01-02 03:04:05+00"}', 'timestamp with time zone[]')).toEqual([
    '2024-01-02T03:04:05Z',
  ]);
});

const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;

test('every list of texts survives the array notation', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (list) => {
      expect(sql('array', `{${list.map(quote).join(',')}}`, 'text[]')).toEqual(list);
    }),
  );
});

test('JSON values pass through', () => {
  expect(toJson({ a: 1 }, { name: 'x', type: 'text' }, 'json')).toEqual({ a: 1 });
});
