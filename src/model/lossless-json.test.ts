import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber } from './json.ts';
import { parseLossless, stringifyExact, stringifyLossless } from './lossless-json.ts';

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.string().map((text) => `\u0000${text}`),
    fc.boolean(),
    fc.integer(),
    fc.constant(null),
    fc.bigInt().map((digits) => new ExactNumber(String(digits))),
    fc.string().map((digits) => ({ digits })),
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
  ),
})).value;

test.each([stringifyLossless, stringifyExact])('%o keeps every value', (stringify) => {
  fc.assert(
    fc.property(value, (each) => {
      expect(parseLossless(stringify(each))).toStrictEqual(each);
    }),
  );
});

test('a missing value is not null', () => {
  const missing = { a: undefined, b: [undefined, null] };
  expect(parseLossless(stringifyLossless(missing))).toStrictEqual(missing);
});
