import { Client } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  endOfCycle,
  errorsOf,
  historyOf,
  makeTable,
  openEntityBench,
  putEntity,
  recordWith,
  recordsOf,
  runCycle,
  tableSource,
  type EntityBench,
  type EntityInput,
} from '../../support/entity-bench.ts';
import { until } from '../../support/bench.ts';
import { childOf, day, drained, expectSettled } from '../../support/entity-cases.ts';

// Tests run side by side, each with an entity and tables of its own.
vi.setConfig({ testTimeout: 180_000 });
let bench: EntityBench;

beforeAll(async () => {
  bench = await openEntityBench();
});
afterAll(() => bench.close());

/** Returns a query of records: their numbers, codes and watermarks. */
function codesFrom(from: number, to: number): string {
  return `SELECT n, 'c' || n, '${day(1)}'::timestamptz FROM generate_series(${from}, ${to}) n`;
}

test.concurrent('detaches what a source has deleted: by flag, tombstones and a scan of all ids, which waits for approval', async () => {
  const { stack, sf, hs, out } = bench;
  await makeTable(sf, 'del', 'code text, gone boolean DEFAULT false');
  await makeTable(hs, 'del', 'code text');
  await makeTable(out, 'del', 'code text');
  await makeTable(out, 'del_mirror', 'code text');
  await makeTable(out, 'del_upsert', 'code text');
  await out.query(`CREATE TABLE del_gone (no bigint PRIMARY KEY, id bigint, changed timestamptz)`);
  await sf.query(`INSERT INTO del (id, code, changed) ${codesFrom(1, 6)}`);
  await hs.query(`INSERT INTO del (id, code, changed) ${codesFrom(4, 9)}`);
  await out.query(`INSERT INTO del (id, code, changed) ${codesFrom(101, 250)}`);
  const source = { attach: [['code']], fields: { code: 'code' } };
  const to = { connection: 'out', id: 'id' };
  const entity: EntityInput = {
    fields: { code: 'text' },
    sources: {
      sf: tableSource('sf', 'del', { ...source, deleted: 'gone', where: '!gone' }),
      hs: tableSource('hs', 'del', {
        ...source,
        deleted: { stream: 'public.del_gone', id: 'id', watermark: 'changed' },
      }),
      out: tableSource('out', 'del', { ...source, deleted: { scan: '1s' } }),
    },
    authority: { code: 'latest' },
    deletes: 'all',
    destinations: {
      mirror: { destination: { ...to, stream: 'public.del_mirror' }, mode: 'mirror' },
      upsert: { destination: { ...to, stream: 'public.del_upsert' }, mode: 'upsert' },
    },
  };
  await hs.query(`CREATE TABLE del_gone (no bigint PRIMARY KEY, id bigint, changed timestamptz)`);
  await putEntity(stack, 'del', entity);
  await runCycle(stack, 'del');
  expect(await out.value('SELECT count(*) FROM del_mirror')).toBe('159');

  // c1: flag, nothing left; c4: flag, still in hs; c9: tombstone; c101: not met by the scan.
  await sf.query(`UPDATE del SET gone = true, changed = '${day(2)}' WHERE id IN (1, 4)`);
  await hs.query(`DELETE FROM del WHERE id = 9; INSERT INTO del_gone VALUES (1, 9, '${day(2)}')`);
  await out.query(`DELETE FROM del WHERE id = 101`);
  await sleep(1000); // until the next scan is due
  const second = await runCycle(stack, 'del');
  expect(second.counts).toMatchObject({ 'attach.detached': 4, 'save.deleted': 3 });
  expect(second.to['mirror']?.stats).toMatchObject({ removed: 3 });
  expect(second.to['upsert']?.stats).toMatchObject({ removed: 0 });
  expect(await out.value('SELECT count(*) FROM del_mirror')).toBe('156');
  expect(await out.value('SELECT count(*) FROM del_upsert')).toBe('159');
  expect((await recordWith(stack, 'del', 'hs', 4)).ids['sf']).toBeUndefined();
  const gone = (await recordsOf(stack, 'del', { deleted: true })).filter(({ deleted }) => deleted);
  expect(gone.map(({ fields }) => String(fields['code'])).toSorted()).toEqual(['c1', 'c101', 'c9']);
  const [dead] = gone;
  expect((await historyOf(stack, 'del', dead?.id ?? '')).at(-1)).toMatchObject({
    operation: 'delete',
    ids: [{ change: 'detached', by: 'deleted' }],
  });

  // Most of them at once: nothing is detached until somebody says so (R7).
  await out.query(`DELETE FROM del WHERE id > 110`);
  await sleep(1000);
  const { id } = await stack.client.entities.start('del');
  const { removal } = await until(stack.client, id, (run) => run.removal !== null);
  const reason = 'more than 100 records and over 20 % would go';
  expect(removal).toEqual({ remove: 140, of: 149, reason });
  expect(await recordsOf(stack, 'del')).toHaveLength(156);
  await stack.client.runs.act(id, 'approve');
  // The mirror asks for itself.
  const child = await childOf(bench.stack, id, 'mirror');
  await until(stack.client, child, (run) => run.removal !== null);
  await stack.client.runs.act(child, 'approve');
  const third = await endOfCycle(stack, id);
  expect(third.counts).toMatchObject({ 'attach.detached': 140, 'save.deleted': 140 });
  expect(third.to['mirror']?.stats).toMatchObject({ removed: 140 });
  expect(await recordsOf(stack, 'del')).toHaveLength(16);

  // What comes back is a new record.
  await sf.query(`UPDATE del SET gone = false, changed = '${day(3)}' WHERE id = 1`);
  await runCycle(stack, 'del');
  expect((await recordWith(stack, 'del', 'sf', 1)).fields).toEqual({ code: 'c1' });
  await expectSettled(bench.stack, 'del', [[out, 'del_mirror']]);
});

test.concurrent('any source’s delete deletes the record, or none’s', async () => {
  const { stack, sf, hs } = bench;
  for (const db of [sf, hs]) {
    await makeTable(db, 'policy', 'code text, gone boolean DEFAULT false');
    await db.query(`INSERT INTO policy VALUES (1, 'c', false, '${day(1)}')`);
  }
  const source = { attach: [['code']], deleted: 'gone', fields: { code: 'code' } };
  const policy = (deletes: 'any' | 'never'): EntityInput => ({
    fields: { code: 'text' },
    sources: { sf: tableSource('sf', 'policy', source), hs: tableSource('hs', 'policy', source) },
    authority: { code: 'latest' },
    deletes,
  });
  for (const deletes of ['any', 'never'] as const) {
    await putEntity(stack, deletes, policy(deletes));
    await runCycle(stack, deletes);
  }
  await sf.query(`UPDATE policy SET gone = true, changed = '${day(2)}'`);
  for (const deletes of ['any', 'never'] as const) await runCycle(stack, deletes);
  expect(await recordsOf(stack, 'any')).toEqual([]);
  expect(await recordsOf(stack, 'never')).toMatchObject([{ ids: { hs: ['1'] } }]);
  // The other source's record does not bring it back unless it says something new.
  await hs.query(`UPDATE policy SET changed = '${day(3)}'`);
  await runCycle(stack, 'any');
  expect(await recordsOf(stack, 'any')).toEqual([]);
  await hs.query(`UPDATE policy SET code = 'new', changed = '${day(4)}'`);
  await runCycle(stack, 'any');
  expect(await recordsOf(stack, 'any')).toMatchObject([{ fields: { code: 'new' } }]);
});

test.concurrent('reads a batch a cycle, whatever the watermarks: equal ones across its end, or none', async () => {
  const { stack, sf } = bench;
  await makeTable(sf, 'backlog', 'code text');
  await sf.query(`INSERT INTO backlog SELECT n, 'c' || n, CASE WHEN n < 3 THEN '${day(1)}'::timestamptz
      WHEN n < 9 THEN '${day(2)}'::timestamptz WHEN n < 11 THEN '${day(3)}'::timestamptz END FROM generate_series(1, 12) n`);
  await putEntity(stack, 'backlog', {
    fields: { code: 'text' },
    sources: {
      sf: tableSource('sf', 'backlog', { source: { batch: 5 }, fields: { code: 'code' } }),
    },
  });
  const first = await runCycle(stack, 'backlog');
  expect(first.run).toMatchObject({ more: true, stats: { imported: 5, created: 5 } });
  // Among records of one watermark the id counts: none is read twice, none is left out.
  const second = await runCycle(stack, 'backlog', { drain: true });
  expect(second.run.stats).toMatchObject({ imported: 5, created: 5 });
  expect(await drained(bench.stack, 'backlog')).toMatchObject([
    { stats: { imported: 2, created: 2 } },
    { stats: { imported: 5 } },
    { stats: { imported: 5 } },
  ]);
  const codes = (await recordsOf(stack, 'backlog')).map(({ fields }) => String(fields['code']));
  expect(codes.toSorted()).toEqual(Array.from({ length: 12 }, (_, n) => `c${n + 1}`).toSorted());
  // Nobody can say whether those without a watermark have changed: they are read with every pass.
  await sf.query(`UPDATE backlog SET code = 'changed' WHERE id = 12`);
  const undated = await runCycle(stack, 'backlog');
  expect(undated.run.stats).toMatchObject({ updated: 1, errors: 0 });
});

test.concurrent('a table that was stamped at once is drained in as many cycles as it has batches', async () => {
  const { stack, sf } = bench;
  await makeTable(sf, 'stamped', 'code text');
  await sf.query(
    `INSERT INTO stamped SELECT n, 'c' || n, '${day(1)}' FROM generate_series(1, 12) n`,
  );
  await putEntity(stack, 'stamped', {
    fields: { code: 'text' },
    sources: {
      sf: tableSource('sf', 'stamped', { source: { batch: 5 }, fields: { code: 'code' } }),
    },
  });
  await runCycle(stack, 'stamped', { drain: true });
  const cycles = await drained(bench.stack, 'stamped');
  expect(cycles.map(({ stats }) => stats.created)).toEqual([2, 5, 5]);
});

test.concurrent('bad records are counted and stop no other', async () => {
  const { stack, sf } = bench;
  await sf.query(`CREATE TABLE bad (no text, code text, amount text, site text, changed timestamptz);
    INSERT INTO bad VALUES ('1', 'a', '12', 'x.org', '${day(1)}'), (null, 'b', '1', 'x.org', '${day(1)}'),
      ('3', 'c', 'many', 'x.org', '${day(1)}'), ('4', 'd', '2', 'boom', '${day(1)}'), ('5', 'skip', '2', 'x.org', '${day(1)}'),
      ('6', 'f', '7', 'x.org', '${day(1)}')`);
  await putEntity(stack, 'bad', {
    fields: { code: 'text', amount: 'integer', site: 'integer' },
    sources: {
      sf: tableSource('sf', 'bad', {
        source: { id: 'no' },
        where: 'code != "skip"',
        fields: {
          code: 'code',
          amount: 'amount',
          site: { expr: 'site == "boom" ? int(site) : 1' },
        },
      }),
    },
  });
  const { run } = await runCycle(stack, 'bad');
  expect(run).toMatchObject({
    outcome: 'partial',
    stats: { imported: 6, created: 2, skipped: 1, errors: 3 },
  });
  const errors = await errorsOf(stack, run.id);
  expect(errors).toHaveLength(3);
  expect(errors).toEqual(
    expect.arrayContaining([
      { code: 'missing_key', key: null, field: 'no' },
      { code: 'invalid_value', key: '3', field: 'amount' },
      { code: 'expression_failed', key: '4', field: 'site' },
    ]),
  );
});

test.concurrent('a source that moved back is told of; a full cycle takes what it says now, by its lower times', async () => {
  const { stack, sf, out } = bench;
  await sf.query('CREATE TABLE restored (id int PRIMARY KEY, name text, version bigint)');
  await sf.query(`INSERT INTO restored SELECT n, 'n' || n, n FROM generate_series(1, 5) n`);
  await makeTable(out, 'restored', 'name text');
  await putEntity(stack, 'restored', {
    fields: { name: 'text' },
    sources: {
      sf: {
        source: { connection: 'sf', stream: 'public.restored', id: 'id', watermark: 'version' },
        fields: { name: 'name' },
      },
    },
    destinations: {
      out: {
        destination: { connection: 'out', stream: 'public.restored', id: 'id' },
        mode: 'upsert',
      },
    },
  });
  await runCycle(stack, 'restored');
  await sf.query(`UPDATE restored SET name = 'late', version = 1000 WHERE id = 1`);
  await runCycle(stack, 'restored');
  await sf.query(`UPDATE restored SET name = 'n1', version = 1 WHERE id = 1;
    UPDATE restored SET name = 'after', version = 6 WHERE id = 2`);
  for (let time = 0; time < 2; time++)
    expect((await runCycle(stack, 'restored')).run).toMatchObject({
      outcome: 'nothing_written',
      warnings: [{ code: 'source_moved_back' }],
    });
  const full = await runCycle(stack, 'restored', { full: true });
  expect(full.run).toMatchObject({ stats: { updated: 2 }, warnings: [] });
  await sf.query(`UPDATE restored SET name = 'edited', version = 7 WHERE id = 1`);
  expect((await runCycle(stack, 'restored')).run.warnings).toEqual([]);
  const names = (await recordsOf(stack, 'restored')).map(({ fields }) => String(fields['name']));
  names.sort((a, b) => (a < b ? -1 : 1));
  expect(names).toEqual(['after', 'edited', 'n3', 'n4', 'n5']);
  expect(await out.query('SELECT name FROM restored ORDER BY 1')).toEqual(
    names.map((name) => ({ name })),
  );
});

test.concurrent('what is read again does not count for the batch: a change is read by the next cycle', async () => {
  const { stack, sf } = bench;
  await makeTable(sf, 'again', 'name text');
  // An open transaction keeps the watermark below all of them.
  const open = new Client({ connectionString: sf.url });
  await open.connect();
  await open.query(`BEGIN; SELECT 1`);
  await sf.query(
    `INSERT INTO again SELECT n, 'n' || n, clock_timestamp() FROM generate_series(1, 300) n`,
  );
  await putEntity(stack, 'again', {
    fields: { name: 'text' },
    sources: {
      sf: tableSource('sf', 'again', { source: { batch: 100 }, fields: { name: 'name' } }),
    },
  });
  let cycle = await runCycle(stack, 'again');
  while (cycle.run.more === true) cycle = await runCycle(stack, 'again');
  expect(await recordsOf(stack, 'again')).toHaveLength(300);
  for (const name of ['first', 'second']) {
    await sf.query(`UPDATE again SET name = '${name}', changed = clock_timestamp() WHERE id = 7`);
    const { run } = await runCycle(stack, 'again');
    expect(run).toMatchObject({ more: false, stats: { imported: 300, updated: 1 } });
    expect((await recordWith(stack, 'again', 'sf', 7)).fields).toEqual({ name });
  }
  await open.end();
});
