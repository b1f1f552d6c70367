import { expect, test } from 'vitest';
import { ExactNumber } from '../model/json.ts';
import type { Field } from '../model/field.ts';
import { recordMapper } from './map-record.ts';
import { compileMapping } from './mapping.ts';
import { stageLayout } from './stage-layout.ts';

const sourceFields: Field[] = [
  { name: 'id', type: 'integer' },
  { name: 'name', type: 'text' },
  { name: 'data', type: 'json' },
  { name: 'plan', type: 'text' },
];
const mapping = compileMapping({
  fields: {
    ref: 'id',
    name: 'name',
    city: 'data.address.city',
    size: { expr: 'number(name)' },
    kind: { value: 'x' },
  },
  where: 'plan != "free"',
  sourceFields,
  key: ['id'],
});
const fields = mapping.needed.map(
  (name) => sourceFields.find((field) => field.name === name) ?? { name, type: 'text' as const },
);

test('rows become keys and values', () => {
  const map = recordMapper(mapping, fields, 'sql');
  expect(mapping.needed).toEqual(['id', 'name', 'data', 'plan']);
  expect(map(['7', '12', '{"address":{"city":"Ulm"}}', null])).toEqual({
    key: [7],
    values: { ref: 7, name: '12', city: 'Ulm', size: 12, kind: 'x' },
  });
  expect(map(['7', '12', undefined, 'free'])).toEqual({ skipped: 'filter' });
  expect(map(['7', null, undefined, 'pro'])).toEqual({
    key: [7],
    values: { ref: 7, name: null, size: null, kind: 'x' },
  });
});

test('R8: a failed expression is a fault of its record, with its key', () => {
  const map = recordMapper(mapping, fields, 'sql');
  expect(map(['7', 'twelve', null, 'pro'])).toEqual({
    key: [7],
    fault: {
      code: 'expression_failed',
      message: 'number takes the text of a number',
      field: 'size',
    },
  });
});

test('staged columns keep copies as they are and share the key', () => {
  const { layout, stageRow } = stageLayout(
    mapping,
    {
      encoding: 'sql',
      fields: sourceFields,
      uniqueBy: ['id'],
    },
    { caseInsensitive: false, trim: false },
  );
  expect(layout.columns.map(({ field, encoding }) => [field.name, encoding])).toEqual([
    ['id', 'sql'],
    ['name', 'sql'],
    ['city', 'json'],
    ['size', 'json'],
    ['kind', 'json'],
  ]);
  expect(layout.key).toEqual([0]);
  expect(layout.assign[0]).toEqual({ to: 'ref', from: 0 });
  expect(layout.uniqueKeys).toBe(true);
  expect(stageRow(['7', '12', '{}', null])).toEqual({ values: ['7', '12', undefined, 12, 'x'] });
  expect(stageRow(['7', '12', '{}', 'free'])).toBeNull();
  expect(stageRow(['7', 'twelve', '{}', 'pro'])?.fault?.field).toBe('size');
});

test('a plain mapping stages what it reads, in order', () => {
  const plain = compileMapping({
    fields: { a: 'plan', b: 'id', c: 'plan' },
    sourceFields,
    key: ['name'],
  });
  const { layout } = stageLayout(
    plain,
    {
      encoding: 'sql',
      fields: sourceFields,
      uniqueBy: ['id'],
    },
    { caseInsensitive: false, trim: false },
  );
  expect(layout.columns.map(({ field }) => field.name)).toEqual([...plain.needed]);
  expect(layout.uniqueKeys).toBe(false);
});

test('a destination that takes texts gets bytes, arrays and JSON as they were printed', () => {
  const typed = [
    { name: 'id', type: 'integer' },
    { name: 'raw', type: 'bytes' },
    { name: 'tags', type: 'array', native: 'text[]' },
    { name: 'doc', type: 'json' },
    { name: 'at', type: 'timestamp' },
  ] as const;
  const copies = compileMapping({
    fields: {
      raw: 'raw',
      tags: 'tags',
      doc: 'doc',
      at: 'at',
      a: 'doc.a',
      first: { expr: 'tags[0]' },
    },
    sourceFields: typed,
    key: ['id'],
  });
  const named = copies.needed.flatMap((name) => typed.filter((field) => field.name === name));
  const printed: Record<string, string> = {
    id: '1',
    raw: '\\x00ff',
    tags: '{x,"y z"}',
    doc: '{"a":  1.0}',
    at: '2024-01-01 00:00:00',
  };
  const row = copies.needed.map((name) => printed[name]);
  const values = { raw: '\\x00ff', tags: '{x,"y z"}', doc: '{"a":  1.0}' };
  const mapped = { at: '2024-01-01T00:00:00', a: new ExactNumber('1.0'), first: 'x' };
  expect(recordMapper(copies, named, 'sql', 'sql')(row)).toEqual({
    key: [1],
    values: { ...values, ...mapped },
  });
  expect(recordMapper(copies, named, 'sql')(row)).toEqual({
    key: [1],
    values: { raw: 'AP8=', tags: ['x', 'y z'], doc: { a: new ExactNumber('1.0') }, ...mapped },
  });
});
