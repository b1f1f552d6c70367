import { expect, test } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import type { Field } from '../../model/field.ts';
import { recordMapper } from './map-record.ts';
import { compileMapping, mappingInto } from './mapping.ts';
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
  const { layout, rowStager } = stageLayout(
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
  const stageRow = rowStager(fields);
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

const odd: Field[] = ['id', 'constructor', '__proto__', 'toString'].map((name) => ({
  name,
  type: 'text',
}));

test('names that every object knows are fields as any other', () => {
  const copy = compileMapping({ fields: undefined, sourceFields: odd, key: ['id'] });
  const map = recordMapper(copy, odd, 'json');
  const mapped = map(['1', undefined, 'p', undefined]);
  expect('values' in mapped && Object.entries(mapped.values)).toEqual([
    ['id', '1'],
    ['__proto__', 'p'],
  ]);
  const inside = compileMapping({
    fields: { a: 'data.constructor', b: 'data.__proto__' },
    sourceFields,
    key: ['id'],
  });
  expect(recordMapper(inside, sourceFields.slice(0, 1), 'json')([1])).toEqual({
    key: [1],
    values: {},
  });
  const given = [
    { name: 'id', type: 'integer' },
    { name: 'data', type: 'json' },
  ] as const;
  expect(recordMapper(inside, given, 'json')([1, {}])).toEqual({ key: [1], values: {} });
});

const late: Field[] = [
  { name: 'id', type: 'integer' },
  { name: 'name', type: 'text' },
  { name: 'phone', type: 'unknown' },
  { name: 'fax', type: 'unknown' },
];

test('fields that the sample did not show are copied as they come', () => {
  const open = compileMapping({
    fields: undefined,
    sourceFields: late.slice(0, 2),
    sampled: true,
    key: ['id'],
  });
  const map = recordMapper(open, late, 'json');
  expect(map([1, 'a', '+49', undefined])).toEqual({
    key: [1],
    values: { id: 1, name: 'a', phone: '+49' },
  });
  const declared = compileMapping({
    fields: { tel: 'phone', loud: { expr: 'coalesce(fax, "-")' } },
    sourceFields: late.slice(0, 2),
    sampled: true,
    key: ['id'],
  });
  expect(declared.needed).toEqual(['id', 'phone', 'fax']);
  const given = late.filter(({ name }) => declared.needed.includes(name));
  expect(recordMapper(declared, given, 'json')([1, undefined, undefined])).toEqual({
    key: [1],
    values: { loud: '-' },
  });
});

test('R8: a field that the destination lacks is a fault of the records that have it', () => {
  const open = compileMapping({
    fields: undefined,
    sourceFields: late.slice(0, 2),
    sampled: true,
    key: ['id'],
  });
  const fault = { code: 'unknown_field', field: 'fax' };
  const columns: Field[] = ['note', 'phone', 'id', 'name'].map((name) => ({ name, type: 'text' }));
  const into = mappingInto(open, columns);
  expect(into.needed).toEqual(['id', 'note', 'phone', 'name']);
  const given: Field[] = [...into.needed, 'fax'].map((name) => ({ name, type: 'unknown' }));
  const map = recordMapper(into, given, 'json');
  expect(map([1, undefined, '+49', 'a', undefined])).toEqual({
    key: [1],
    values: { phone: '+49', id: 1, name: 'a' },
  });
  expect(map([1, undefined, '+49', 'a', null])).toMatchObject({ key: [1], fault });

  const source = { encoding: 'json', fields: late.slice(0, 2), uniqueBy: [] } as const;
  const exactly = { caseInsensitive: false, trim: false };
  const { layout, rowStager } = stageLayout(into, source, exactly);
  expect(layout.assign.map(({ to }) => to)).toEqual(['note', 'phone', 'id', 'name']);
  const other = stageLayout(
    mappingInto({ ...open, entries: [] }, columns),
    { ...source, fields: late },
    exactly,
  );
  expect(other.layout.assign).toEqual(layout.assign);
  const stageRow = rowStager(given);
  expect(stageRow([1, undefined, '+49', 'a', undefined])?.fault).toBeUndefined();
  expect(stageRow([1, undefined, '+49', 'a', 'f'])?.fault).toMatchObject(fault);
});

test('R8: half a character is a fault of its record, wherever it stands', () => {
  const copy = compileMapping({ fields: undefined, sourceFields, key: ['id'] });
  const cut = '\ud83d';
  const code = 'invalid_value';
  const map = recordMapper(copy, sourceFields, 'json');
  expect(map([1, cut, null, 'x'])).toMatchObject({ key: [1], fault: { code, field: 'name' } });
  expect(map([1, 'a', { [cut]: 1 }, 'x'])).toMatchObject({ fault: { code, field: 'data' } });
  expect(map([1, 'a', { a: [cut] }, 'x'])).toMatchObject({ fault: { code, field: 'data' } });
  expect(map([cut, 'a', null, 'x'])).toMatchObject({ fault: { code, field: 'id' } });
  expect(map([1, '\ud83d\ude00', null, 'x'])).toMatchObject({ values: { name: '😀' } });
  const source = { encoding: 'json', fields: sourceFields, uniqueBy: [] } as const;
  const exactly = { caseInsensitive: false, trim: false };
  const stageRow = stageLayout(copy, source, exactly).rowStager(sourceFields);
  expect(stageRow([1, 'a', [cut], 'x'])).toMatchObject({
    values: [1, 'a', null, 'x'],
    fault: { code, field: 'data' },
  });
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
