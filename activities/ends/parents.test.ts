import { expect, it } from 'vitest';
import type { Existing, KeyedDestination } from '../../src/connectors/contract/records.ts';
import { compileMapping } from '../../src/engine/mapping/mapping.ts';
import { recordMapper } from '../../src/engine/mapping/map-record.ts';
import type { Field } from '../../src/model/field.ts';
import type { RecordBatch } from '../../src/model/record.ts';
import { pacedCalls } from '../quota/paced-calls.ts';
import { Parents } from './parents.ts';

const { signal } = new AbortController();
const idle = { begins: () => undefined, waits: () => undefined, went: () => undefined };

/** A destination whose accounts are found by their website. */
function accounts(held: Record<string, string[]>) {
  const asked: string[][] = [];
  const destination = {
    fields: null,
    lookupBatch: 2,
    async lookup(keys: readonly (readonly unknown[])[]): Promise<Existing[]> {
      asked.push(keys.map(([website]) => String(website)));
      return keys.flatMap(([website]) =>
        (held[String(website)] ?? []).map((id) => ({ key: [String(website)], id, values: {} })),
      );
    },
  } as unknown as KeyedDestination;
  return { asked, destination, held };
}

const fields: Field[] = ['email', 'website'].map((name) => ({ name, type: 'text' }));
const mapping = compileMapping({
  fields: {
    email: 'email',
    account: { lookup: { stream: 'Account', key: { Website: { expr: 'lower(website)' } } } },
  },
  sourceFields: fields,
  key: ['email'],
});

function open(world: ReturnType<typeof accounts>) {
  const parents = new Parents(
    async () => world.destination,
    (terms) => pacedCalls(() => null, idle, terms),
  );
  return async (...websites: (string | null)[]) => {
    const rows = websites.map((website, at) =>
      mapping.needed.map((name) => (name === 'email' ? `${at}@x` : website)),
    );
    const batch: RecordBatch = {
      encoding: 'json',
      fields: mapping.needed.map((name) => ({ name, type: 'text' })),
      rows,
    };
    const parentOf = await parents.of(mapping.parents, batch, signal);
    const map = recordMapper(mapping, batch.fields, 'json', 'json', parentOf);
    return rows.map((row) => map(row));
  };
}

it('parents are looked up in batches, once each, and stand for their ids', async () => {
  const world = accounts({ 'a.com': ['1'], 'b.com': ['2'], 'c.com': ['3'] });
  const map = open(world);
  const mapped = await map('A.com', 'b.com', 'a.com', 'c.com');
  expect(mapped.map((one) => ('values' in one ? one.values['account'] : one))).toEqual([
    '1',
    '2',
    '1',
    '3',
  ]);
  await map('a.com', 'c.com');
  expect(world.asked).toEqual([['a.com', 'b.com'], ['c.com']]);
});

it('a missing parent is a record error that may be mended; it is looked for again', async () => {
  const world = accounts({ 'two.com': ['1', '2'] });
  const map = open(world);
  expect(await map('late.com', 'two.com')).toMatchObject([
    { key: ['0@x'], fault: { code: 'missing_parent', field: 'account', retryable: true } },
    { key: ['1@x'], fault: { code: 'ambiguous_parent', field: 'account' } },
  ]);
  world.held['late.com'] = ['9'];
  expect(await map('late.com')).toMatchObject([{ values: { account: '9' } }]);
});

it('a record that names no parent has none, and nothing is asked', async () => {
  const world = accounts({});
  const map = open(world);
  expect(await map(null)).toMatchObject([{ values: { account: null } }]);
  expect(world.asked).toEqual([]);
});
