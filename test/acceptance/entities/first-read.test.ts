import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  callApi,
  makeTable,
  openEntityBench,
  putEntity,
  recordsOf,
  runCycle,
  tableSource,
  type EntityBench,
} from '../../support/entity-bench.ts';
import { finished } from '../../support/bench.ts';
import { drained, expectSettled } from '../../support/entity-cases.ts';

let bench: EntityBench;

beforeAll(async () => {
  bench = await openEntityBench();
});
afterAll(() => bench.close());

test('nothing is delivered to a system before all of its own records have been read once', async () => {
  const { stack, sf, hs, out } = bench;
  const records = 2500;
  for (const db of [sf, hs, out]) await makeTable(db, 'person', 'email text, name text');
  // The two systems hold the same people. What one changed first, the other changed last.
  const fill = (second: string) => `INSERT INTO person (id, email, name, changed)
    SELECT ${second} + 100, 'e' || n, 'n' || n, '2026-01-01'::timestamptz + ${second} * interval '1 s'
    FROM generate_series(1, ${records}) n`;
  await sf.query(fill('n'));
  await hs.query(fill(`(${records} - n)`));
  const fields = { email: 'email', name: 'name' };
  const source = (connection: string) =>
    tableSource(connection, 'person', { source: { batch: 1000 }, attach: [['email']], fields });
  const destination = (connection: string) => ({
    destination: { connection, stream: 'public.person', id: 'id' },
    mode: 'upsert' as const,
    fields,
  });
  const person = {
    fields: { email: 'text', name: 'text' } as const,
    sources: { sf: source('sf'), hs: source('hs') },
    authority: { email: 'latest', name: 'latest' } as const,
    destinations: { sf: destination('sf'), hs: destination('hs'), out: destination('out') },
  };
  const counts = () =>
    Promise.all([sf, hs, out].map((db) => db.value('SELECT count(*) FROM person')));
  await putEntity(stack, 'person', person);

  const first = await runCycle(stack, 'person');
  expect(first.run.more).toBe(true);
  for (const system of ['sf', 'hs']) {
    expect(first.to[system]).toMatchObject({ stats: { imported: 0 }, outcome: 'nothing_written' });
    expect(first.to[system]?.warnings).toMatchObject([{ code: 'waits_for_first_read' }]);
  }
  expect(first.to['out']).toMatchObject({ stats: { created: 2000 }, warnings: [] });
  // A run of the destination alone waits too, whatever it is asked to read.
  const alone = await stack.client.runs.start('person.hs', { full: true });
  expect(await finished(stack.client, alone.id)).toMatchObject({
    stats: { imported: 0 },
    warnings: [{ code: 'waits_for_first_read' }],
  });
  expect(await counts()).toEqual(['2500', '2500', '2000']);
  await expect
    .poll(async () => (await callApi(stack, 'GET', '/v1/entities/person/lag')).body)
    .toMatchObject({
      destinations: { sf: { records: 2000 }, hs: { records: 2000 }, out: { records: 0 } },
    });

  await runCycle(stack, 'person', { drain: true });
  await drained(stack, 'person');
  await expectSettled(stack, 'person', [
    [sf, 'person'],
    [hs, 'person'],
    [out, 'person'],
  ]);
  expect(await recordsOf(stack, 'person')).toHaveLength(records);
  expect(await counts()).toEqual(['2500', '2500', '2500']);

  // A pass over everything reads only what is known, so deliveries go on meanwhile.
  await sf.query(`UPDATE person SET name = 'new', changed = now() WHERE email = 'e1'`);
  const full = await runCycle(stack, 'person', { full: true });
  expect(full.run.more).toBe(true);
  expect(full.to['hs']?.warnings).toEqual([]);

  // A source that is declared later has its own first read.
  await makeTable(out, 'late', 'email text, name text');
  await out.query(`INSERT INTO late SELECT * FROM person`);
  const later = { ...source('out'), source: { ...source('out').source, stream: 'public.late' } };
  await putEntity(stack, 'person', {
    ...person,
    sources: { ...person.sources, late: later },
    destinations: {
      ...person.destinations,
      late: { ...destination('out'), destination: { connection: 'out', stream: 'public.late' } },
    },
  });
  const added = await runCycle(stack, 'person');
  expect(added.to['late']).toMatchObject({
    stats: { imported: 0 },
    warnings: [{ code: 'waits_for_first_read' }],
  });
  await runCycle(stack, 'person', { drain: true });
  await drained(stack, 'person');
  await expectSettled(stack, 'person', [[out, 'late']]);
  expect(await out.value('SELECT count(*) FROM late')).toBe('2500');
}, 180_000);
