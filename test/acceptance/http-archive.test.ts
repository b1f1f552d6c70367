import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectStats,
  finished,
  openBench,
  putSync,
  runSync,
  until,
  type Bench,
} from '../support/bench.ts';
import { startStrictApi, type StrictApi } from '../support/strict-api.ts';

let bench: Bench;
let api: StrictApi;

beforeAll(async () => {
  api = await startStrictApi();
  bench = await openBench();
  await bench.stack.client.connections.put('api', {
    type: 'http',
    url: api.url,
    streams: {
      contacts: {
        key: 'email',
        id: 'id',
        leastRecords: 2,
        fields: {
          email: { type: 'text', required: true },
          id: { type: 'text', creatable: false, updatable: false },
          name: { type: 'text', required: true },
          plan: { type: 'text', values: ['free', 'pro'] },
        },
        read: { path: '/contacts', records: 'data', pagination: { type: 'cursor' } },
        lookup: {
          path: '/contacts/lookup',
          method: 'POST',
          batch: 50,
          body: { keys: '{keys}' },
          records: 'records',
        },
        create: { path: '/contacts' },
        update: { path: '/contacts/{key}' },
        archive: { path: '/contacts/{key}/archive' },
        archived: 'archived',
        restore: { path: '/contacts/{key}/restore' },
      },
    },
  });
  await bench.shop.query(`CREATE TABLE people (email text PRIMARY KEY, name text, plan text);
    INSERT INTO people VALUES ('a@x.org', 'A', 'free'), ('b@x.org', 'B', 'pro'), ('c@x.org', 'C', 'gold')`);
});
afterAll(async () => {
  await bench.close();
  await api.close();
});

const ends = {
  source: { connection: 'shop', stream: 'public.people', key: 'email' },
  destination: { connection: 'api', stream: 'contacts', key: 'email' },
};

test('what an API says of its fields is checked when a run opens, and of each record', async () => {
  const { stack } = bench;
  const failureOf = async (fields: object) => {
    await putSync(stack, 'facts', { ...ends, mode: 'upsert', fields: { ...fields } });
    return (await runSync(stack, 'facts')).failure?.code;
  };
  expect(await failureOf({ plan: 'plan' })).toBe('missing_field');
  expect(await failureOf({ name: 'name', plan: { value: 'gold' } })).toBe('invalid_value');
  expect(await failureOf({ name: 'name', id: 'plan' })).toBe('not_writable');
  expect(api.records.size).toBe(0);
  await putSync(stack, 'facts', { ...ends, mode: 'upsert' });
  const run = await runSync(stack, 'facts');
  expectStats(run, { imported: 3, created: 2, errors: 1 });
  const { errors } = await stack.client.runs.errors(run.id);
  expect(errors).toMatchObject([{ key: 'c@x.org', code: 'invalid_value', field: 'plan' }]);
});

test('a mirror archives, restores, and keeps the fewest records (R7)', async () => {
  const { shop, stack } = bench;
  api.records.clear();
  await shop.query(`UPDATE people SET plan = 'pro'`);
  await putSync(stack, 'mirror', { ...ends, mode: 'mirror' });
  expectStats(await runSync(stack, 'mirror'), { imported: 3, created: 3 });

  await shop.query(`DELETE FROM people WHERE email = 'a@x.org'`);
  expectStats(await runSync(stack, 'mirror'), { imported: 2, unchanged: 2, removed: 1 });
  expect(api.records.get('a@x.org')).toMatchObject({ name: 'A', archived: true });

  await shop.query(`INSERT INTO people VALUES ('a@x.org', 'Ann', 'pro')`);
  expectStats(await runSync(stack, 'mirror'), { imported: 3, updated: 1, unchanged: 2 });
  expect(api.records.get('a@x.org')).toMatchObject({ name: 'Ann', archived: false });

  await shop.query(`DELETE FROM people WHERE email <> 'a@x.org'`);
  const { id } = await stack.client.runs.start('mirror');
  const paused = await until(stack.client, id, ({ removal }) => removal !== null);
  expect(JSON.stringify(paused)).toContain('1 records would be left');
  expect(api.records.list()).toHaveLength(3);
  await stack.client.runs.act(id, 'approve');
  expectStats(await finished(stack.client, id), { imported: 1, unchanged: 1, removed: 2 });
  expect(api.records.list()).toHaveLength(1);
});
