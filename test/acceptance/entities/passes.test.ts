import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  endOfCycle,
  makeTable,
  openEntityBench,
  putEntity,
  recordsOf,
  runCycle,
  tableSource,
  type EntityBench,
  type SourceInput,
} from '../../support/entity-bench.ts';
import { until } from '../../support/bench.ts';

// Tests run side by side, each with an entity and tables of its own.
vi.setConfig({ testTimeout: 180_000 });
let bench: EntityBench;

beforeAll(async () => {
  bench = await openEntityBench();
});
afterAll(() => bench.close());

/** Returns the values of field `name`, sorted. */
async function namesOf(entity: string): Promise<string[]> {
  const records = await recordsOf(bench.stack, entity);
  return records.map(({ fields }) => String(fields['name'])).toSorted();
}

/** Returns a source of the table \`busy\`, which counts its versions. */
function busySource(connection: string): SourceInput {
  return tableSource(connection, 'busy', {
    source: { watermark: 'version' },
    attach: [['name']],
    fields: { name: 'name' },
  });
}

test.concurrent('what a cycle leaves because the system is being written to, the next one reads', async () => {
  const { stack, sf, hs } = bench;
  for (const db of [sf, hs]) await makeTable(db, 'busy', 'name text, version bigint');
  for (const db of [sf, hs])
    await db.query(`INSERT INTO busy SELECT n, 'n' || n, n FROM generate_series(1, 3) n`);
  await putEntity(stack, 'busy', {
    fields: { name: 'text' },
    sources: { sf: busySource('sf'), hs: busySource('hs') },
    authority: { name: { ranked: ['sf', 'hs'] } },
    destinations: {
      hs: { destination: { connection: 'hs', stream: 'public.busy' }, mode: 'update' },
    },
  });
  await runCycle(stack, 'busy');
  await sf.query(`UPDATE busy SET name = 'changed', version = 10 WHERE id = 1`);
  const user = new Client({ connectionString: hs.url });
  await user.connect();
  await user.query('BEGIN; SELECT FROM busy WHERE id = 1 FOR UPDATE');
  const first = await stack.client.entities.start('busy');
  // The run of the destination waits for the row, and the cycle for the run.
  await vi.waitFor(
    async () =>
      expect(
        await hs.value(
          `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%busy%'`,
        ),
      ).toBe('1'),
    { timeout: 30_000, interval: 50 },
  );
  await hs.query(`INSERT INTO busy VALUES (50, 'p', 20), (51, 'q', 21), (52, 'r', 22)`);
  const second = await stack.client.entities.start('busy');
  expect(
    await until(stack.client, second.id, ({ status }) => status === 'completed'),
  ).toMatchObject({ more: true });
  await user.query('COMMIT');
  await user.end();
  await endOfCycle(stack, first.id);
  await runCycle(stack, 'busy');
  expect(await namesOf('busy')).toEqual(['changed', 'n2', 'n3', 'p', 'q', 'r']);
});

test.concurrent('a full cycle takes what a restored source says now, though it has since passed where it was', async () => {
  const { stack, sf } = bench;
  await sf.query('CREATE TABLE passed (id int PRIMARY KEY, name text, version bigint)');
  await sf.query(`INSERT INTO passed SELECT n, 'n' || n, n FROM generate_series(1, 5) n`);
  await putEntity(stack, 'passed', {
    fields: { name: 'text' },
    sources: {
      sf: tableSource('sf', 'passed', {
        source: { watermark: 'version', batch: 2 },
        fields: { name: 'name' },
      }),
    },
    destinations: {},
  });
  await drain('passed');
  await sf.query(`UPDATE passed SET name = 'late', version = 1000 WHERE id = 1`);
  await drain('passed');
  await sf.query(`UPDATE passed SET name = 'n1', version = 1 WHERE id = 1;
    UPDATE passed SET name = 'after', version = 1001 WHERE id = 2`);
  await drain('passed');
  await drain('passed', true);
  expect(await namesOf('passed')).toEqual(['after', 'n1', 'n3', 'n4', 'n5']);
  await sf.query(`UPDATE passed SET name = 'edited', version = 1002 WHERE id = 1`);
  await drain('passed');
  expect(await namesOf('passed')).toEqual(['after', 'edited', 'n3', 'n4', 'n5']);
});

test.concurrent('a stream of deleted records that moved back is told of, and read again by a full cycle', async () => {
  const { stack, sf } = bench;
  await sf.query('CREATE TABLE left_over (id int PRIMARY KEY, name text, version bigint)');
  await sf.query('CREATE TABLE left_gone (no int PRIMARY KEY, id int, version bigint)');
  await sf.query(`INSERT INTO left_over SELECT n, 'n' || n, n FROM generate_series(1, 5) n`);
  await sf.query(`INSERT INTO left_gone VALUES (1, 99, 1000)`);
  await putEntity(stack, 'left_over', {
    fields: { name: 'text' },
    sources: {
      sf: tableSource('sf', 'left_over', {
        source: { watermark: 'version' },
        deleted: { stream: 'public.left_gone', id: 'id', watermark: 'version' },
        fields: { name: 'name' },
      }),
    },
    deletes: 'any',
    destinations: {},
  });
  await runCycle(stack, 'left_over');
  await sf.query(
    `DELETE FROM left_gone; DELETE FROM left_over WHERE id = 2; INSERT INTO left_gone VALUES (2, 2, 6)`,
  );
  const { run } = await runCycle(stack, 'left_over');
  expect(run.warnings).toMatchObject([{ code: 'source_moved_back' }]);
  await runCycle(stack, 'left_over', { full: true });
  expect(await namesOf('left_over')).toEqual(['n1', 'n3', 'n4', 'n5']);
  await sf.query(`DELETE FROM left_over WHERE id = 3; INSERT INTO left_gone VALUES (3, 3, 7)`);
  await runCycle(stack, 'left_over');
  expect(await namesOf('left_over')).not.toContain('n3');
});

/** Runs cycles until the sources hold no more. */
async function drain(entity: string, full = false): Promise<void> {
  for (let again = true, options: { full?: boolean } = full ? { full } : {}; again; options = {})
    again = (await runCycle(bench.stack, entity, options)).run.more === true;
}
