import { describe, expect, it } from 'vitest';
import { ExactNumber } from '../model/json.ts';
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
  ])('keeps the digits of %s', (digits) => {
    expect(parseJson(digits)).toEqual(new ExactNumber(digits));
    const text = `{"a":[${digits},{"b":null}],"c":"x"}`;
    expect(stringifyJson(parseJson(text))).toBe(text);
  });

  it('leaves what a double holds a number', () => {
    expect(parseJson('[1, 0.1, 9007199254740991, -2.5e3, 1234567890.12345]')).toEqual([
      1, 0.1, 9007199254740991, -2500, 1234567890.12345,
    ]);
    expect(parseJson('{"id":"1234567890123456789","n":1}')).toEqual({
      id: '1234567890123456789',
      n: 1,
    });
  });

  it('refuses what is not JSON on both paths', () => {
    expect(() => parseJson('<html>')).toThrow(SyntaxError);
    expect(() => parseJson('{"a":12345678901234567890')).toThrow(SyntaxError);
  });
});
