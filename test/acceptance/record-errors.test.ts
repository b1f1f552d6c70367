import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RecordErrorView } from '../../src/api/views/record-error-view.ts';
import { atomicCalls, bulkCalls, readable, singleCalls } from '../support/contact-calls.ts';
import {
  expectStats,
  finished,
  openBench,
  putSync,
  runSync,
  tableSync,
  type Bench,
} from '../support/bench.ts';
import { startStrictApi, type StrictApi, type StrictApiOptions } from '../support/strict-api.ts';

let bench: Bench;
const apis: StrictApi[] = [];

beforeAll(async () => {
  bench = await openBench();
});
afterAll(async () => {
  await bench.close();
  for (const api of apis) await api.close();
});

test.each([
  ['looked up', readable(singleCalls)],
  ['known by the ledger', singleCalls],
])(
  'a key that repeats in a later chunk is an update there, no second create: %s',
  async (kind, calls) => {
    const { stack } = bench;
    const name = kind.replaceAll(' ', '_');
    const api = await openApi(name, calls, 'n % 250', 600);
    // The filter makes the run read the filler too, so that a chunk holds about 200 of the rows.
    await putSync(stack, name, contactSync(name, { where: 'size(filler) > 0' }));
    expectStats(await runSync(stack, name), { imported: 600, created: 250, updated: 350 });
    expect(api.log.filter(({ operation }) => operation === 'create')).toHaveLength(250);
    expect(api.log).toHaveLength(600);
    expect(api.records.get('u99')).toMatchObject({ full_name: 'N599' });
    expect(api.records.get('u101')).toMatchObject({ full_name: 'N351' });
  },
);

test('answers of one bulk call differ: good records land, limited ones are sent again, each bad one has its reason', async () => {
  const { stack } = bench;
  const api = await openApi('mixed', readable(bulkCalls), 'n', 1000);
  for (let n = 10; n <= 1000; n += 100) {
    api.faults.items.set(`u${n}`, 400).set(`u${n + 10}`, 409);
    api.faults.items.set(`u${n + 20}`, 500).set(`u${n + 30}`, 429);
  }
  setTimeout(() => {
    for (const [key, fault] of api.faults.items) if (fault === 429) api.faults.items.delete(key);
  }, 3000);
  await putSync(stack, 'mixed', contactSync('mixed'));
  const run = await runSync(stack, 'mixed');
  expectStats(run, { imported: 1000, created: 970, errors: 30 });
  expect(run.outcome).toBe('partial');
  expect(api.log).toHaveLength(970);
  const errors = await allErrors(run.id);
  const expected = [400, 409, 500].flatMap((code, at) =>
    Array.from({ length: 10 }, (_, hundred) => [
      `u${hundred * 100 + (at + 1) * 10}`,
      { code: `http_${code}`, operation: 'create', message: 'on purpose' },
    ]),
  );
  expect(
    new Map(errors.map(({ key, code, operation, message }) => [key, { code, operation, message }])),
  ).toEqual(new Map(expected as never));

  // Only the failed records are sent again, and they succeed once the API takes them.
  const still = await retry(run.id);
  expectStats(still, { imported: 30, errors: 30 });
  expect(api.log).toHaveLength(970);
  for (const [key, fault] of api.faults.items) if (fault !== 409) api.faults.items.delete(key);
  expectStats(await retry(still.id), { imported: 30, created: 20, errors: 10 });
  expect(api.log).toHaveLength(990);
});

test('a bulk call that is refused as a whole is split, in few calls', async () => {
  const { stack } = bench;
  const api = await openApi('whole', readable(atomicCalls), 'n', 2000);
  for (const n of [7, 8, 700, 1999]) api.faults.items.set(`u${n}`, 400);
  await putSync(stack, 'whole', contactSync('whole'));
  const run = await runSync(stack, 'whole');
  expectStats(run, { imported: 2000, created: 1996, errors: 4 });
  expect(new Set((await allErrors(run.id)).map(({ key }) => key))).toEqual(
    new Set(['u7', 'u8', 'u700', 'u1999']),
  );
  expect(api.log).toHaveLength(1996);
  expect(api.stats().writes).toBeLessThanOrEqual(2 * 4 * Math.ceil(Math.log2(100)) + 2000 / 100);
});

test('too many record errors fail the run early, at an API', async () => {
  const { stack } = bench;
  const api = await openApi('stopped', readable(bulkCalls), 'n', 1000);
  for (let n = 1; n <= 1000; n += 2) api.faults.items.set(`u${n}`, 400);
  const stopAfter = { errors: 20 };
  await putSync(stack, 'stopped', contactSync('stopped', { where: 'size(filler) > 0', stopAfter }));
  const run = await runSync(stack, 'stopped');
  expect(run.failure).toMatchObject({
    code: 'too_many_errors',
    message: expect.stringMatching(
      /^\d+ of \d+ imported records failed, more than stopAfter allows \(errors: 20\)$/,
    ),
  });
  expect(run).toMatchObject({ status: 'failed', watermark: null });
  expect(run.stats.created).toBe(api.log.length);
  expect(run.stats.errors).toBe((await allErrors(run.id)).length);
  expect(run.stats.errors).toBeGreaterThan(20);
  expect(run.stats.imported).toBeLessThan(1000);
});

test('too many record errors fail the run early, at a table; a smaller share does not', async () => {
  const { stack, shop, crm } = bench;
  await shop.query(`CREATE TABLE shares (id int PRIMARY KEY, v int, at timestamptz DEFAULT now());
    INSERT INTO shares SELECT n, n FROM generate_series(1, 1000) n`);
  await crm.query(
    'CREATE TABLE shares (id int PRIMARY KEY, v int CHECK (v % 10 > 0), at timestamptz)',
  );
  const source = { watermark: 'at' };
  await putSync(stack, 'shares', tableSync('shares', { source, stopAfter: { fraction: 0.099 } }));
  const run = await runSync(stack, 'shares');
  expect(run.failure).toMatchObject({
    code: 'too_many_errors',
    message: '100 of 1000 imported records failed, more than stopAfter allows (fraction: 0.099)',
  });
  expect(run).toMatchObject({
    status: 'failed',
    watermark: null,
    stats: { created: 900, errors: 100 },
  });
  await putSync(stack, 'shares', tableSync('shares', { source, stopAfter: { fraction: 0.1 } }));
  // The watermark did not move, so everything is read again.
  expectStats(await runSync(stack, 'shares'), { imported: 1000, unchanged: 900, errors: 100 });
});

test('a create whose answer a cancelled run did not get is not made again by the next', async () => {
  const { stack } = bench;
  const api = await openApi('doubtful', singleCalls, 'n', 50, { unique: false });
  api.faults.hang = 1;
  await putSync(stack, 'doubtful', contactSync('doubtful'));
  const { id } = await stack.client.runs.start('doubtful');
  while (api.log.length < 50) await new Promise((resolve) => setTimeout(resolve, 50));
  await stack.client.runs.act(id, 'cancel');
  const run = await finished(stack.client, id);
  expect(run).toMatchObject({ status: 'cancelled', stats: { created: 49, errors: 1 } });
  expect((await allErrors(id)).map(({ code }) => code)).toEqual(['unknown_outcome']);
  expectStats(await runSync(stack, 'doubtful'), { imported: 50, unchanged: 49, updated: 1 });
  expect(api.log.filter(({ operation }) => operation === 'create')).toHaveLength(50);
});

/** Makes a source table of `count` rows with email `u<key>`, and a strict API as connection, both called `name`. */
async function openApi(
  name: string,
  contacts: object,
  key: string,
  count: number,
  options: StrictApiOptions = {},
): Promise<StrictApi> {
  const { stack, shop } = bench;
  await shop.query(`CREATE TABLE ${name} (id int PRIMARY KEY, email text, name text, filler text);
    INSERT INTO ${name} SELECT n, 'u' || ${key}, 'N' || n, repeat('x', 40000) FROM generate_series(1, ${count}) n`);
  const api = await startStrictApi(options);
  apis.push(api);
  await stack.client.connections.put(name, { type: 'http', url: api.url, streams: { contacts } });
  return api;
}

function contactSync(name: string, more: object = {}) {
  return {
    source: { connection: 'shop', stream: `public.${name}`, key: 'email' },
    destination: { connection: name, stream: 'contacts', key: 'email' },
    mode: 'upsert' as const,
    fields: { full_name: 'name' },
    ...more,
  };
}

async function retry(run: string) {
  const { client } = bench.stack;
  return finished(client, (await client.runs.act(run, 'retry-errors')).id);
}

async function allErrors(run: string): Promise<RecordErrorView[]> {
  const errors: RecordErrorView[] = [];
  let after: string | undefined;
  do {
    const page = await bench.stack.client.runs.errors(run, { limit: 100, ...(after && { after }) });
    errors.push(...page.errors);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return errors;
}
