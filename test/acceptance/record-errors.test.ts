import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectStats, openBench, putSync, runSync, type Bench } from '../support/bench.ts';
import { startStrictApi, type StrictApi } from '../support/strict-api.ts';

let bench: Bench;
const apis: StrictApi[] = [];

beforeAll(async () => {
  bench = await openBench();
});
afterAll(async () => {
  await bench.close();
  for (const api of apis) await api.close();
});

const lookup = {
  path: '/contacts/lookup',
  method: 'POST',
  batch: 100,
  body: { keys: '{keys}' },
  records: 'records',
};
const single = { create: { path: '/contacts' }, update: { path: '/contacts/{key}' } };

test.each([
  ['looked up', { lookup, ...single }],
  ['known by the ledger', single],
])(
  'a key that repeats in a later chunk is an update there, not a second create: %s',
  async (kind, calls) => {
    const { stack, shop } = bench;
    const name = kind.replaceAll(' ', '_');
    const api = await openApi(name, calls);
    // A chunk holds 5,000 records. The 500 last rows repeat the keys of rows of the first chunk, in other letters.
    await shop.query(`CREATE TABLE ${name} (id int PRIMARY KEY, email text, name text);
      INSERT INTO ${name} SELECT n, 'u' || CASE WHEN n > 5500 THEN n - 5000 ELSE n END, 'N' || n
      FROM generate_series(1, 6000) n`);
    await putSync(stack, name, {
      source: { connection: 'shop', stream: `public.${name}`, key: 'email' },
      destination: { connection: name, stream: 'contacts', key: 'email' },
      mode: 'upsert',
      fields: { full_name: 'name' },
    });
    const run = await runSync(stack, name);
    expectStats(run, { imported: 6000, created: 5500, updated: 500 });
    expect(api.log.filter(({ operation }) => operation === 'create')).toHaveLength(5500);
    expect(api.log).toHaveLength(6000);
    expect(api.records.get('u777')).toMatchObject({ full_name: 'N5777' });
  },
);

/** A strict API, declared as connection `name`. */
async function openApi(name: string, calls: Record<string, unknown>): Promise<StrictApi> {
  const api = await startStrictApi();
  apis.push(api);
  const contacts = { key: 'email', id: 'id', ...calls };
  await bench.stack.client.connections.put(name, {
    type: 'http',
    url: api.url,
    streams: { contacts },
  });
  return api;
}
