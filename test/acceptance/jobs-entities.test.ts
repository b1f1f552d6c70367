import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  endOfCycle,
  makeTable,
  openEntityBench,
  putEntity,
  recordsOf,
  runCycle,
  tableSource,
  type EntityBench,
} from '../support/entity-bench.ts';
import { planFaults, type Faults } from '../support/faults.ts';
import { connectJobSystem, withJobConnector } from '../support/job-bench.ts';
import type { RemoteJobSystem } from '../support/job-system-process.ts';

let bench: EntityBench;
let faults: Faults;
let system: RemoteJobSystem;

beforeAll(async () => {
  faults = planFaults();
  bench = await openEntityBench(withJobConnector({ workers: 2, env: faults.env }));
  system = await connectJobSystem(bench.stack, 1_500);
}, 60_000);
afterAll(async () => {
  await bench?.close();
  await system?.close();
  faults?.close();
});

/** Declares an entity of `count` rows of a table, whose codes begin with its name, and delivers it to the job system. */
async function declare(name: string, count: number): Promise<void> {
  await makeTable(bench.sf, name, 'code text, name text');
  await bench.sf.query(
    `INSERT INTO ${name} (code, name) SELECT '${name}' || n, 'name' FROM generate_series(1, ${count}) n`,
  );
  await putEntity(bench.stack, name, {
    fields: { code: 'text', name: 'text' },
    sources: { sf: tableSource('sf', name, { fields: { code: 'code', name: 'name' } }) },
    destinations: {
      bulk: {
        destination: { connection: 'bulk', stream: 'contacts', id: 'id', key: 'code' },
        mode: 'mirror',
      },
    },
  });
}

/** The ids in the job system of an entity's records, by code. */
async function idsOf(entity: string): Promise<Record<string, readonly string[]>> {
  const records = await recordsOf(bench.stack, entity);
  const named = records.map(({ fields: { code }, ids }) => {
    if (typeof code !== 'string') throw new Error('the code of a record is no text');
    return [code, ids['bulk'] ?? []] as const;
  });
  return Object.fromEntries(named);
}

/** The ids that the job system has given to records whose codes begin so, by code. */
async function givenTo(prefix: string): Promise<Record<string, readonly string[]>> {
  const given = (await system.ledger()).flatMap(({ operation, fields: { code }, id }) =>
    operation === 'create' && typeof code === 'string' && code.startsWith(prefix)
      ? [[code, [id]] as const]
      : [],
  );
  return Object.fromEntries(given);
}

test('an entity is delivered by jobs: the ids that they give are its own, and it comes to rest', async () => {
  await declare('plain', 30);
  const first = await runCycle(bench.stack, 'plain');
  expect(first.to['bulk']?.stats).toMatchObject({ created: 30, errors: 0 });
  expect(await idsOf('plain')).toEqual(await givenTo('plain'));
  await bench.sf.query(`UPDATE plain SET name = 'other', changed = now() WHERE id < 1010`);
  const second = await runCycle(bench.stack, 'plain');
  expect(second.to['bulk']?.stats).toMatchObject({ updated: 10, created: 0, errors: 0 });
  const third = await runCycle(bench.stack, 'plain');
  expect(third.to['bulk']?.stats).toMatchObject({ updated: 0, created: 0, errors: 0 });
}, 90_000);

test('an entity refuses a source that is read from long exports, and says why', async () => {
  const fields = { code: 'code', name: 'name' };
  const source = { connection: 'bulk', stream: 'companies', id: 'id', full: true };
  await putEntity(bench.stack, 'exported', {
    fields: { code: 'text', name: 'text' },
    sources: { bulk: { source, fields } },
    destinations: {},
  });
  const { id } = await bench.stack.client.entities.start('exported', {});
  const { run } = await endOfCycle(bench.stack, id);
  expect(run).toMatchObject({
    status: 'failed',
    failure: { code: 'unsupported', connection: 'bulk' },
  });
}, 60_000);

test.each(['job.before-submit', 'job.after-submit', 'job.after-results'] as const)(
  'a worker that is killed at %s while it delivers loses no job and no id (R5, R6)',
  async (point) => {
    const { client } = bench.stack;
    const name = point.replaceAll(/\W/g, '_');
    await declare(name, 30);
    const { ingest } = (await system.stats()).jobs;
    faults.plan({ point, action: 'kill', sync: `${name}.bulk` });
    const { id } = await client.entities.start(name, {});
    await faults.strike();
    const { to } = await endOfCycle(bench.stack, id);
    expect(to['bulk']?.stats).toMatchObject({ created: 30, errors: 0 });
    expect((await system.stats()).jobs.ingest - ingest).toBe(1);
    const given = await givenTo(name);
    expect(Object.keys(given)).toHaveLength(30);
    expect(await idsOf(name)).toEqual(given);
    const next = await runCycle(bench.stack, name);
    expect(next.to['bulk']?.stats).toMatchObject({ created: 0, updated: 0, errors: 0 });
  },
  90_000,
);
