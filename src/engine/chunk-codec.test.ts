import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber } from '../model/json.ts';
import type { Value } from '../model/record.ts';
import { decodeBatches, decodeOperations, encodeBatches, encodeOperations } from './chunk-codec.ts';

const value = fc.oneof(
  // JSON has no negative zero.
  fc.jsonValue().map((json) => JSON.parse(JSON.stringify(json)) as Value),
  fc.constant(undefined),
  fc.bigInt().map((digits) => new ExactNumber(String(digits))),
  fc.string().map((text) => `\u0000${text}`),
  fc.record({ nested: fc.constant(new ExactNumber('1.0')) }),
) as fc.Arbitrary<Value>;

test('every value survives', () => {
  fc.assert(
    fc.property(fc.array(fc.array(value)), (rows) => {
      const batches = [
        { encoding: 'json' as const, fields: [{ name: 'a', type: 'text' as const }], rows },
      ];
      const decoded = decodeBatches(encodeBatches(batches));
      expect(JSON.parse(JSON.stringify(decoded))).toEqual(JSON.parse(JSON.stringify(batches)));
      expect(decoded[0]?.rows).toEqual(rows);
    }),
  );
});

test('operations survive', () => {
  const operations = [
    {
      operation: 'update' as const,
      key: [new ExactNumber('1.50')],
      id: null,
      values: { a: null, b: ['x'] },
      before: { a: 1 },
      canonicalKey: '["1.5"]',
    },
  ];
  expect(decodeOperations(encodeOperations(operations))).toEqual(operations);
});
