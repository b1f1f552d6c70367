import { expect, test } from 'vitest';
import { entitySchema } from '../../model/entity.ts';
import type { Field } from '../../model/field.ts';
import type { Value } from '../../model/record.ts';
import { MappingError } from '../mapping/mapping.ts';
import { compileEntity, type Incoming } from './plan.ts';
import { copying, type EntityInput } from './testing/entity-store.ts';

const streamFields: Field[] = [
  { name: 'Id', type: 'integer' },
  { name: 'Name', type: 'text' },
  { name: 'Website', type: 'text' },
  { name: 'Size', type: 'text' },
  { name: 'Gone', type: 'boolean' },
  { name: 'Stamp', type: 'timestamptz' },
  { name: 'Kind', type: 'text' },
];
const account: EntityInput = {
  fields: {
    name: 'text',
    site: 'text',
    size: 'integer',
    kind: 'text',
    domain: { type: 'text', expr: 'domain(site)' },
    label: { type: 'text', expr: 'concat(name, domain)' },
  },
  sources: {
    crm: {
      source: { connection: 'c', stream: 's', id: 'Id', watermark: 'Stamp' },
      where: 'Kind != "test"',
      deleted: 'Gone',
      attach: [['domain'], [{ field: 'name', caseInsensitive: true }]],
      fields: {
        name: 'Name',
        site: { expr: 'lower(Website)' },
        size: 'Size',
        kind: { value: 'crm' },
      },
    },
  },
  merge: { match: [['domain'], ['name', 'kind']] },
};
const plan = compileEntity(entitySchema.parse(account), () => ({ fields: streamFields }));
const crm = plan.sources['crm'];
if (crm === undefined) throw new Error('no plan of crm');
const read = crm.reader(
  crm.needed.map((name) => streamFields.find((field) => field.name === name) ?? streamFields[0]!),
  'sql',
);

/** Reads a row with these values; the others are those of a typical record. */
function row(values: Record<string, Value> = {}): Incoming {
  const usual: Record<string, Value> = {
    Id: '7',
    Name: 'Acme',
    Website: 'ACME.example',
    Size: '12',
    Gone: 'f',
    Stamp: '1970-01-01 00:00:01+00',
    Kind: null,
  };
  return read(crm!.needed.map((name) => ({ ...usual, ...values })[name]));
}

test('a plan holds what the others need', () => {
  expect(crm.needed).toEqual(['Id', 'Name', 'Size', 'Website', 'Kind', 'Stamp', 'Gone']);
  expect(plan.fields.slice(2, 5)).toEqual([
    { name: 'size', type: 'integer' },
    { name: 'kind', type: 'text' },
    { name: 'domain', type: 'text' },
  ]);
  expect(plan.rules.map(({ name }) => name)).toEqual([
    '["domain"]',
    '["name caseInsensitive"]',
    '["kind","name"]',
  ]);
  expect(plan.derived.map(({ name }) => name)).toEqual(['domain', 'label']);
});

test('rows become incoming records', () => {
  expect(row()).toEqual({
    source: 'crm',
    id: '7',
    at: '1970-01-01T00:00:01.000000Z',
    values: { name: 'Acme', site: 'acme.example', size: 12, kind: 'crm' },
    deleted: false,
  });
  const sparse = row({ Name: undefined, Size: null });
  expect('values' in sparse && sparse.values).toEqual({
    site: 'acme.example',
    size: null,
    kind: 'crm',
  });
  expect(row({ Kind: 'test' })).toEqual({ skipped: 'filter' });
  expect(row({ Kind: 'test', Gone: 't' })).toMatchObject({ id: '7', deleted: true });
});

test('R8: what cannot be read is a fault of its record, without values', () => {
  expect(row({ Size: 'many' })).toEqual({
    id: '7',
    fault: { code: 'invalid_value', message: 'the value is no integer', field: 'size' },
  });
  expect(row({ Id: null })).toMatchObject({ id: null, fault: { code: 'missing_key' } });
  const fault = { code: 'too_large', message: 'the row is too large' };
  expect(
    read(
      crm.needed.map(() => '7'),
      fault,
    ),
  ).toEqual({ id: '7', fault });
});

test('what was written tells what the system holds, where all that a field is made of was written', () => {
  expect(crm.contributionOf({ Name: 'Acme', Website: 'X.example' })).toEqual({
    name: 'Acme',
    site: 'x.example',
    kind: 'crm',
  });
  expect(crm.contributionOf({ Size: 'many' })).toEqual({ kind: 'crm' });
});

const wrong: readonly [string, string, Partial<EntityInput>][] = [
  ['unknown_field', 'sources.crm.fields.nam', { sources: { crm: copying(['nam']) } }],
  ['derived_field', 'sources.crm.fields.domain', { sources: { crm: copying(['domain']) } }],
  ['unmapped_field', 'sources.crm.attach.0', { sources: { crm: copying(['name'], [['site']]) } }],
  [
    'unmapped_field',
    'sources.crm.attach.1',
    { sources: { crm: copying(['name'], [['name'], ['domain']]) } },
  ],
  ['unknown_field', 'sources.crm.attach.0', { sources: { crm: copying(['name'], [['nme']]) } }],
  ['invalid_expression', 'merge.match.0', { merge: { match: [[{ expr: 'name +' }]] } }],
  ['unknown_field', 'merge.winner', { merge: { match: [['name']], winner: { expr: 'sze' } } }],
  [
    'unknown_source',
    'merge.default',
    { merge: { match: [['name']], default: { ranked: ['erp'] } } },
  ],
  [
    'derived_field',
    'merge.override.label',
    { merge: { match: [['name']], override: { label: 'never' } } },
  ],
  [
    'missing_authority',
    'authority.name',
    { sources: { crm: copying(['name']), shop: copying(['name']) } },
  ],
  ['unknown_source', 'authority.name', { authority: { name: { owner: 'erp' } } }],
  [
    'unmapped_field',
    'authority.size',
    { authority: { size: { owner: 'crm' } }, sources: { crm: copying(['name']) } },
  ],
  [
    'derived_cycle',
    'fields.a',
    { fields: { a: { type: 'text', expr: 'b' }, b: { type: 'text', expr: 'a' } } },
  ],
  [
    'invalid_field',
    'fields.constructor',
    { fields: Object.fromEntries([['constructor', 'text']]) },
  ],
];

/** Returns the error with which the entity is refused. */
function failure(spec: EntityInput, fields: readonly Field[] = []): MappingError {
  try {
    compileEntity(entitySchema.parse(spec), () => ({ fields }));
  } catch (error) {
    if (error instanceof MappingError) return error;
    throw error;
  }
  throw new Error('did not fail');
}

test('a source that only samples may lack any field so far', () => {
  const fields: Field[] = [{ name: 'Other', type: 'text' }];
  const sampled = compileEntity(entitySchema.parse(account), () => ({ fields, sampled: true }));
  const given = { Id: '1', Name: 'a', Website: 'B.de' };
  const names = Object.keys(given).map((name): Field => ({ name, type: 'text' }));
  const reader = sampled.sources['crm']?.reader(names, 'json');
  expect(reader?.(Object.values(given))).toMatchObject({
    id: '1',
    values: { name: 'a', site: 'b.de', kind: 'crm' },
  });
});

test.each(wrong)('%s at %s', (code, path, part) => {
  expect(failure({ ...account, ...part })).toMatchObject({ code, path });
});

const ends = { connection: 'c', stream: 's', id: 'Id' };
const wrongFields: readonly [string, Partial<EntityInput['sources'][string]>][] = [
  ['where', { where: 'Knd == 1' }],
  ['deleted', { deleted: 'Gon' }],
  ['fields.name', { fields: { name: 'Nam', site: 'Website' } }],
  ['source.id', { source: { ...ends, id: 'Idd' } }],
  ['source.watermark', { source: { ...ends, watermark: 'x' } }],
];

test.each(wrongFields)('a field that the source lacks, in %s', (path, part) => {
  const source = { ...copying(['name', 'site']), ...account.sources['crm'], ...part };
  expect(failure({ ...account, sources: { crm: source } }, streamFields)).toMatchObject({
    code: 'unknown_field',
    path: `sources.crm.${path}`,
  });
});
