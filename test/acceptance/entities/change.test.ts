import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  endOfCycle,
  makeTable,
  openEntityBench,
  putEntity,
  recordWith,
  recordsOf,
  runCycle,
  tableSource,
  type EntityBench,
} from '../../support/entity-bench.ts';
import { until } from '../../support/bench.ts';
import { contactBy, day, expectSettled, sourceBy } from '../../support/entity-cases.ts';

// Tests run side by side, each with an entity and tables of its own.
vi.setConfig({ testTimeout: 180_000 });
let bench: EntityBench;

beforeAll(async () => {
  bench = await openEntityBench();
});
afterAll(() => bench.close());

test.concurrent('declared anew, an entity’s cycles go by the new rules, fields and sources; an open one ends by the old', async () => {
  const { stack, sf, hs } = bench;
  for (const db of [sf, hs]) await makeTable(db, 'anew', 'code text, name text, phone text');
  await sf.query(
    `INSERT INTO anew VALUES (1, 'a', 'Ann', '1', '${day(1)}'), (2, 'b', 'Bob', '2', '${day(1)}')`,
  );
  await hs.query(
    `INSERT INTO anew VALUES (1, 'x', 'ann', '2', '${day(1)}'), (2, 'b', 'Cyd', '3', '${day(1)}')`,
  );
  const all = ['code', 'name', 'phone'];
  await putEntity(stack, 'anew', {
    fields: { code: 'text', name: 'text' },
    sources: Object.fromEntries([sourceBy('sf', ['code', 'name'], 'code')]),
  });
  await runCycle(stack, 'anew');
  expect((await recordWith(stack, 'anew', 'sf', 1)).fields).toEqual({ code: 'a', name: 'Ann' });

  // Another field of a source, and another source before it, which matches by the new field: all is read again.
  const both = [sourceBy('hs', all, 'phone'), sourceBy('sf', all, 'code')];
  await putEntity(stack, 'anew', contactBy(both));
  const { id } = await stack.client.entities.start('anew');
  // What is declared while it runs is for the next one.
  await until(stack.client, id, ({ phase }) => phase !== 'open');
  await putEntity(stack, 'anew', contactBy(both.toReversed()));
  const open = await endOfCycle(stack, id);
  expect(open.run).toMatchObject({ status: 'completed', failure: null });
  expect((await recordWith(stack, 'anew', 'sf', 1)).fields).toMatchObject({ phone: '1' });

  // Merge rules that come later compare what is there.
  await putEntity(
    stack,
    'anew',
    contactBy(both.toReversed(), {
      merge: { match: [[{ field: 'phone', trim: true }], [{ expr: 'lower(name)' }]] },
    }),
  );
  expect(await recordsOf(stack, 'anew')).toHaveLength(4);
  const merged = await runCycle(stack, 'anew');
  // Bob and ann share a phone, ann and Ann a name.
  expect(merged.counts).toMatchObject({ 'merge.groups': 1, 'merge.merged': 2 });
  expect((await recordWith(stack, 'anew', 'hs', 1)).ids['sf']).toHaveLength(2);
  await expectSettled(bench.stack, 'anew', []);
});

test.concurrent('paused and gone on with, or cancelled and done again, at each stage: nothing is lost', async () => {
  const { stack, sf, out } = bench;
  const { client } = stack;
  await makeTable(sf, 'steered', 'code text');
  await makeTable(out, 'steered', 'code text');
  await sf.query(
    `INSERT INTO steered SELECT n, 'c' || n % 2700, '${day(1)}' FROM generate_series(1, 3000) n`,
  );
  await putEntity(stack, 'steered', {
    fields: { code: 'text' },
    sources: {
      sf: tableSource('sf', 'steered', { source: { batch: 20_000 }, fields: { code: 'code' } }),
    },
    merge: { match: [['code']] },
    destinations: {
      out: {
        destination: { connection: 'out', stream: 'public.steered', id: 'id' },
        mode: 'upsert',
      },
    },
  });
  const stages = ['read', 'merge', 'deliver'] as const;
  for (const stage of stages) {
    const { id } = await client.entities.start('steered');
    await until(client, id, ({ phase, finishedAt }) => phase === stage || finishedAt !== null);
    await client.runs.act(id, 'cancel').catch(() => undefined);
    await endOfCycle(stack, id);
  }
  const { id } = await client.entities.start('steered', { full: true });
  for (const stage of stages) {
    const { finishedAt } = await until(
      client,
      id,
      (run) => run.phase === stage || run.finishedAt !== null,
    );
    if (finishedAt !== null) break;
    await client.runs.act(id, 'pause').catch(() => undefined);
    await until(client, id, ({ status }) => status !== 'running');
    await client.runs.act(id, 'resume').catch(() => undefined);
  }
  const last = await endOfCycle(stack, id);
  expect(last.run).toMatchObject({ status: 'completed', stats: { imported: 3000 } });
  // A cycle leaves a destination to a run that is still open, such as one whose cycle was cancelled while it started it.
  while (!('out' in (await runCycle(stack, 'steered')).to));
  expect(await out.value('SELECT count(*) FROM steered')).toBe('2700');
  expect(await out.value('SELECT count(DISTINCT code) FROM steered')).toBe('2700');
});
