import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import type { Value } from '../../model/record.ts';
import { batchesCodec, keysCodec, operationsCodec } from './chunk-codec.ts';
import { runSteps } from './steps.ts';

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
      const decoded = runSteps(batchesCodec.decode(runSteps(batchesCodec.encode(batches))));
      expect(JSON.parse(JSON.stringify(decoded))).toEqual(JSON.parse(JSON.stringify(batches)));
      expect(decoded[0]?.rows).toEqual(rows);
    }),
  );
});

test('a text of one line is read, as earlier versions wrote it', () => {
  expect(runSteps(keysCodec.decode('["a","b"]'))).toEqual(['a', 'b']);
  const keys = Array.from({ length: 1000 }, (_, n) => `k\n${n}`);
  expect(runSteps(keysCodec.decode(runSteps(keysCodec.encode(keys))))).toEqual(keys);
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
  expect(runSteps(operationsCodec.decode(runSteps(operationsCodec.encode(operations))))).toEqual(
    operations,
  );
});
