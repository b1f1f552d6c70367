import { expect, test } from 'vitest';
import type { Field } from '../../model/field.ts';
import type { JsonObject } from '../../model/json.ts';
import { valueAt } from './map-record.ts';
import { compileMapping, MappingError, type MappingSpec } from './mapping.ts';

const sourceFields: Field[] = [
  { name: 'email', type: 'text' },
  { name: 'name', type: 'text' },
  { name: 'address', type: 'json' },
];

function failure(spec: Partial<MappingSpec>): MappingError {
  try {
    compileMapping({ fields: undefined, sourceFields, key: ['email'], ...spec });
  } catch (error) {
    if (error instanceof MappingError) return error;
    throw error;
  }
  throw new Error('did not fail');
}

test('without fields everything is copied', () => {
  const mapping = compileMapping({ fields: undefined, sourceFields, key: ['email'] });
  expect(mapping.plain).toBe(true);
  expect(mapping.needed).toEqual(['email', 'name', 'address']);
  expect(mapping.entries).toContainEqual({ to: 'name', from: 'name' });
});

test('only what is needed is read', () => {
  const fields = { city: 'address.city', short: { expr: 'lower(name)' }, kind: { value: 'x' } };
  const mapping = compileMapping({ fields, where: 'email != null', sourceFields, key: ['email'] });
  expect(mapping.plain).toBe(false);
  expect(mapping.needed).toEqual(['email', 'address', 'name']);
  expect(mapping.entries[0]).toEqual({ to: 'city', from: 'address', path: ['city'] });
});

test('a sample refuses no name, and a dotted one is looked for in every way', () => {
  const mapping = compileMapping({
    fields: { city: 'home.city', tel: 'phone', loud: { expr: 'upper(late)' } },
    where: 'status == "on"',
    sourceFields,
    sampled: true,
    key: ['email'],
    watermark: 'changed',
  });
  expect(mapping.entries.slice(0, 2)).toEqual([
    { to: 'city', from: 'home.city', else: { from: 'home', path: ['city'] } },
    { to: 'tel', from: 'phone' },
  ]);
  expect(mapping.needed).toEqual(['email', 'home.city', 'home', 'phone', 'late', 'status']);
  expect(mapping.rest).toBeNull();
  const [city] = mapping.entries;
  const held: JsonObject = { home: { city: 'Ulm' } };
  const valueOf = (record: JsonObject) =>
    city !== undefined && 'from' in city ? valueAt(city, (name) => record[name]) : null;
  expect([valueOf(held), valueOf({ 'home.city': 'Bonn', ...held })]).toEqual(['Ulm', 'Bonn']);
  expect(() =>
    compileMapping({ fields: { a: { expr: 'nosuch(a)' } }, sourceFields, sampled: true, key: [] }),
  ).toThrow('fields.a');
});

test('a field that does not exist is named with its place and its neighbours', () => {
  expect(failure({ fields: { a: 'nane' } })).toMatchObject({
    code: 'unknown_field',
    path: 'fields.a',
    nearest: ['name'],
  });
  expect(failure({ where: 'emial != ""' })).toMatchObject({
    code: 'unknown_field',
    path: 'where',
    nearest: ['email'],
  });
  expect(failure({ key: ['mail'] })).toMatchObject({
    path: 'source.key',
    nearest: ['email'],
  });
  expect(failure({ watermark: 'updated' })).toMatchObject({ path: 'source.watermark' });
  expect(failure({ fields: { a: 'name.first' } }).code).toBe('unknown_field');
  expect(failure({ fields: { a: { expr: 'name +' } } })).toMatchObject({
    code: 'invalid_expression',
    class: 'config',
  });
});
