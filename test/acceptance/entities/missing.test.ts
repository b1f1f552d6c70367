import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { finished } from '../../support/bench.ts';
import { createDatabase, type Database } from '../../support/database.ts';
import {
  endOfCycle,
  makeTable,
  openEntityBench,
  putEntity,
  recordsOf,
  runCycle,
  tableSource,
  type EntityBench,
  type EntityInput,
} from '../../support/entity-bench.ts';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

// Tests run side by side, each with an entity, tables and a link of its own.
vi.setConfig({ testTimeout: 180_000 });
let bench: EntityBench;
let crm: Database;
const links: TcpProxy[] = [];

beforeAll(async () => {
  [bench, crm] = await Promise.all([openEntityBench(), createDatabase('crm')]);
});
afterAll(async () => {
  await Promise.all(links.map((link) => link.close()));
  await bench.close();
  await crm.drop();
});

/** Declares a connection to the database `crm` that a test can cut. */
async function cuttable(name: string): Promise<TcpProxy> {
  const link = await startProxy(new URL(crm.url).host);
  links.push(link);
  const { connections } = bench.stack.client;
  await connections.put(name, { type: 'postgres', url: link.through(crm.url) });
  return link;
}

/** An entity with the sources `sf` and `crm`, read from tables with the entity's name. */
function entityOf(name: string, connection: string, more: Partial<EntityInput> = {}): EntityInput {
  const fields = { code: 'code', name: 'name' };
  return {
    fields: { code: 'text', name: 'text' },
    sources: {
      sf: tableSource('sf', name, { attach: [['code']], fields }),
      crm: tableSource(connection, name, { attach: [['code']], fields }),
    },
    authority: { code: 'latest', name: 'latest' },
    ...more,
  };
}

function destinationOf(name: string, connection: string) {
  return {
    destination: { connection, stream: `public.${name}`, id: 'id' },
    fields: { code: 'code', name: 'name' },
  };
}

async function makeTables(name: string): Promise<void> {
  await makeTable(bench.sf, name, 'code text, name text');
  await makeTable(crm, name, 'code text, name text');
}

test.concurrent('goes on without a source that is down, says which and since when, and catches up', async () => {
  const { stack, sf, out } = bench;
  const link = await cuttable('down');
  await makeTables('down');
  await makeTable(out, 'down', 'code text, name text');
  await sf.query(
    `INSERT INTO down (id, code, name) VALUES (1, 'a', 'Ada'), (2, 'b', 'Bob'), (3, 'c', 'Cy')`,
  );
  await crm.query(`INSERT INTO down (id, code, name) VALUES (1, 'a', 'Ada'), (2, 'd', 'Dan')`);
  const scanned = entityOf('down', 'down', {
    merge: { match: [['name']] },
    deletes: 'all',
    destinations: {
      crm: { ...destinationOf('down', 'down'), mode: 'upsert' },
      out: { ...destinationOf('down', 'out'), mode: 'mirror' },
    },
  });
  const sources = Object.entries(scanned.sources).map(
    ([name, source]) => [name, { ...source, deleted: { scan: '1s' } }] as const,
  );
  await putEntity(stack, 'down', { ...scanned, sources: Object.fromEntries(sources) });
  await runCycle(stack, 'down');
  expect((await runCycle(stack, 'down')).run).toMatchObject({ missing: [] });

  link.refuse();
  await crm.query(`DELETE FROM down WHERE code = 'a';
    UPDATE down SET name = 'Dana', changed = now() WHERE code = 'd'`);
  await sf.query(`DELETE FROM down WHERE code = 'a';
    INSERT INTO down (id, code, name) VALUES (4, 'e', 'Dan'), (5, 'f', 'Fay'), (6, 'g', 'Fay')`);
  const first = await runCycle(stack, 'down');
  expect(first.run).toMatchObject({
    outcome: 'partial',
    more: false,
    missing: [{ source: 'crm', connection: 'down', code: 'connection' }],
  });
  expect(Object.keys(first.to)).toEqual(['out']);
  // Fay is known to sf alone. The two Dans wait, since crm may have renamed its own; so does Ada, whom only crm may still have.
  expect(first.counts).toMatchObject({ 'merge.merged': 1, 'attach.detached': 1 });
  const names = async () =>
    (await out.query('SELECT name FROM down ORDER BY name')).map(({ name }) => name);
  expect(await names()).toEqual(['Ada', 'Bob', 'Cy', 'Dan', 'Dan', 'Fay']);

  const second = await runCycle(stack, 'down');
  expect(second.run.missing).toMatchObject([{ since: first.run.missing?.[0]?.since }]);

  link.pass();
  const third = await runCycle(stack, 'down');
  expect(third.run).toMatchObject({ missing: [], outcome: 'ok' });
  expect(Object.keys(third.to).toSorted()).toEqual(['crm', 'out']);
  expect(await names()).toEqual(['Bob', 'Cy', 'Dan', 'Dana', 'Fay']);
  const codes = await crm.query('SELECT code FROM down ORDER BY code');
  expect(codes.map(({ code }) => code)).toEqual(['b', 'c', 'd', 'e', 'f']);
});

test.concurrent('waits for a source that is back soon', async () => {
  const { stack, sf } = bench;
  const link = await cuttable('brief');
  await makeTables('brief');
  await sf.query(`INSERT INTO brief (id, code) VALUES (1, 'a')`);
  await crm.query(`INSERT INTO brief (id, code) VALUES (1, 'b')`);
  await putEntity(stack, 'brief', entityOf('brief', 'brief'));
  link.refuse();
  const { id } = await stack.client.entities.start('brief', {});
  await sleep(2_000);
  link.pass();
  const { run, counts } = await endOfCycle(stack, id);
  expect(run).toMatchObject({ status: 'completed', outcome: 'ok', missing: [] });
  expect(counts).toMatchObject({ 'read.sf': 1, 'read.crm': 1 });
});

test.concurrent('keeps what it has read of a source that goes away in the middle', async () => {
  const { stack, sf } = bench;
  const link = await cuttable('midway');
  await makeTables('midway');
  await sf.query(`INSERT INTO midway (id, code, name) VALUES (1, 'c1', 'x')`);
  await crm.query(`INSERT INTO midway (id, code, name, changed)
    SELECT n, 'c' || n, repeat('x', 200), now() - n * interval '1 s' FROM generate_series(1, 7000) n`);
  await putEntity(stack, 'midway', entityOf('midway', 'midway'));
  const cut = link.cutAfter(1_000_000);
  const { id } = await stack.client.entities.start('midway', {});
  await cut;
  link.refuse();
  const { run, counts } = await endOfCycle(stack, id);
  expect(run).toMatchObject({ status: 'completed', missing: [{ source: 'crm' }] });
  expect(counts).toMatchObject({ 'read.sf': 1, 'read.crm': 3000 });
  link.pass();
  expect((await runCycle(stack, 'midway')).counts).toMatchObject({ 'read.crm': 4000 });
  expect(await recordsOf(stack, 'midway')).toHaveLength(7000);
});

test.concurrent('reads again what a source that goes away at the first page has not given', async () => {
  const { stack, sf } = bench;
  const link = await cuttable('early');
  await makeTables('early');
  await sf.query(`INSERT INTO early (id, code) VALUES (1, 'a')`);
  await crm.query(`INSERT INTO early (id, code, changed) VALUES (1, 'b', '2026-01-01')`);
  await putEntity(stack, 'early', entityOf('early', 'early'));
  await runCycle(stack, 'early');
  await crm.query(
    `INSERT INTO early (id, code, changed) VALUES (2, 'c', '2026-01-02'), (3, 'd', '2026-01-03')`,
  );
  const lost = link.loseRequest(/copy \(/i);
  const { id } = await stack.client.entities.start('early', {});
  await lost;
  link.refuse();
  const { run } = await endOfCycle(stack, id);
  expect(run).toMatchObject({ status: 'completed', missing: [{ source: 'crm' }] });
  link.pass();
  await runCycle(stack, 'early');
  const codes = (await recordsOf(stack, 'early')).map(({ fields }) => fields['code']);
  expect(new Set(codes)).toEqual(new Set(['a', 'b', 'c', 'd']));
});

test.concurrent('does not wait for what only a person can mend, and fails when no source is left', async () => {
  const { stack, sf } = bench;
  await makeTable(sf, 'gone', 'code text, name text');
  await sf.query(`INSERT INTO gone (id, code) VALUES (1, 'a')`);
  await putEntity(stack, 'gone', entityOf('gone', 'hs'));
  const { run, counts } = await runCycle(stack, 'gone');
  expect(run.missing).toMatchObject([{ source: 'crm', connection: 'hs', code: 'unknown_stream' }]);
  expect(counts).toMatchObject({ 'read.sf': 1 });
  await sf.query('DROP TABLE gone');
  const { id } = await stack.client.entities.start('gone', {});
  expect(await finished(stack.client, id)).toMatchObject({
    status: 'failed',
    failure: { code: 'unknown_stream' },
    missing: [],
  });
});
