import { describe, expect, it } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import { parseJson, stringifyJson } from './json.ts';

describe('lossless JSON', () => {
  it.each([
    '12345678901234567890',
    '9007199254740993',
    '-9007199254740993',
    '0.12345678901234567890',
    '123456789.123456789',
    '1e400',
    '1E-400',
    '0.000',
    '42.0',
    '1.10',
    '-0',
    '-0.0',
    '-2.5e3',
  ])('keeps the digits of %s', (digits) => {
    expect(parseJson(digits)).toEqual(new ExactNumber(digits));
    const text = `{"a":[${digits},{"b":null}],"c":"x"}`;
    expect(stringifyJson(parseJson(text))).toBe(text);
  });

  it('leaves what a double prints as it was written a number', () => {
    expect(parseJson('[1, 0.1, 9007199254740991, -2.5, 1234567890.12345, 100]')).toEqual([
      1, 0.1, 9007199254740991, -2.5, 1234567890.12345, 100,
    ]);
    expect(parseJson('{"at":"2026-01-01T00:00:00.120","v":"1.10, e9"}')).toEqual({
      at: '2026-01-01T00:00:00.120',
      v: '1.10, e9',
    });
    expect(parseJson('{"id":"1234567890123456789","n":1}')).toEqual({
      id: '1234567890123456789',
      n: 1,
    });
  });

  it('keeps names that every object knows, on both paths', () => {
    for (const number of ['1', '1.0']) {
      const record = parseJson(`{"__proto__":{"x":${number}},"constructor":2}`) as object;
      expect(Object.keys(record)).toEqual(['__proto__', 'constructor']);
      expect(stringifyJson(record as never)).toBe(`{"__proto__":{"x":${number}},"constructor":2}`);
    }
  });

  it('refuses what is not JSON on both paths', () => {
    expect(() => parseJson('<html>')).toThrow(SyntaxError);
    expect(() => parseJson('{"a":12345678901234567890')).toThrow(SyntaxError);
  });
});
