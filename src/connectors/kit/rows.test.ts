import { expect, test } from 'vitest';
import type { JsonObject } from '../../model/json.ts';
import { splitByFields, rowsOf } from './rows.ts';

const itself = (record: JsonObject) => record;

test('other fields come after those that were asked for, in the order in which they appear', () => {
  const records: JsonObject[] = [
    { b: 1, id: 1 },
    { id: 2, a: 2, constructor: 3 },
  ];
  expect(rowsOf(records, { fields: ['id', 'toString'], rest: true })).toEqual({
    names: ['id', 'toString', 'b', 'a', 'constructor'],
    rows: [
      [1, undefined, 1, undefined, undefined],
      [2, undefined, undefined, 2, 3],
    ],
  });
  expect(rowsOf(records, { fields: ['a'] })).toEqual({ names: ['a'], rows: [[undefined], [2]] });
});

test('a record with very many fields makes the rows of no other one long', () => {
  const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`f${at}`, at]));
  const records = [
    ...Array.from({ length: 500 }, (_, id) => ({ id })),
    wide,
    { id: 501 },
    { id: 502 },
  ];
  const wanted = { fields: ['id'], rest: true };
  const parts = [...splitByFields(records, wanted, itself)];
  expect(parts.flat()).toEqual(records);
  const cells = parts.map((part) => part.length * rowsOf(part, wanted).names.length);
  expect(cells.reduce((sum, each) => sum + each, 0)).toBeLessThan(100_000);
  expect([...splitByFields(records, { fields: ['id'] }, itself)]).toHaveLength(1);
  expect([...splitByFields([], wanted, itself)]).toHaveLength(0);
});
