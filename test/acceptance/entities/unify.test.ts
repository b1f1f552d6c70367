import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  callApi,
  errorsOf,
  historyOf,
  makeTable,
  openEntityBench,
  putEntity,
  recordWith,
  recordsOf,
  runCycle,
  tableSource,
  versionsOf,
  type EntityBench,
  type EntityInput,
} from '../../support/entity-bench.ts';
import { day, expectSettled, some } from '../../support/entity-cases.ts';

// Tests run side by side, each with an entity and tables of its own.
vi.setConfig({ testTimeout: 180_000 });
let bench: EntityBench;

beforeAll(async () => {
  bench = await openEntityBench();
});
afterAll(() => bench.close());

test.concurrent('attaches by id, else by the alternatives in order, else makes a record; a match of several is an error or a choice', async () => {
  const { stack, sf, hs } = bench;
  await makeTable(sf, 'who', 'name text, domain text, email text');
  await makeTable(hs, 'who', 'name text, domain text, email text');
  await sf.query(`INSERT INTO who VALUES
    (1, 'Acme', 'acme.com', 'a@acme.com', '${day(1)}'), (2, 'Beta', 'beta.io', 'b@beta.io', '${day(2)}'),
    (3, 'Twin', 'one.org', 'x@one.org', '${day(3)}'), (4, 'Twin', 'two.org', 'x@two.org', '${day(4)}')`);
  await hs.query(`INSERT INTO who VALUES
    (11, 'Other', 'acme.com', 'b@beta.io', '${day(5)}'), (12, 'Beta?', null, ' B@BETA.IO ', '${day(5)}'),
    (13, 'Twin', null, null, '${day(5)}'), (14, 'New', 'new.io', null, '${day(5)}')`);
  const fields = { name: 'name', domain: 'domain', email: 'email' };
  const entity = (ambiguous: 'error' | 'updated'): EntityInput => ({
    fields: { name: 'text', domain: 'text', email: 'text' },
    sources: {
      sf: tableSource('sf', 'who', { fields }),
      hs: tableSource('hs', 'who', {
        attach: [
          ['domain'],
          [{ field: 'email', caseInsensitive: true, trim: true }],
          [{ expr: 'lower(name)' }],
        ],
        fields,
      }),
    },
    authority: { name: { owner: 'sf' }, domain: { owner: 'sf' }, email: { owner: 'sf' } },
    ambiguous,
  });
  await putEntity(stack, 'who', entity('error'));
  const first = await runCycle(stack, 'who');
  expect(first.run).toMatchObject({
    outcome: 'partial',
    stats: { imported: 8, created: 5, updated: 2, errors: 1 },
  });
  expect(first.counts).toMatchObject({ 'attach.byMatch': 2, 'attach.new': 5 });
  expect(first.counts).toMatchObject({ 'attach.ambiguous': 1, 'read.sf': 4, 'read.hs': 4 });
  expect(await errorsOf(stack, first.run.id)).toEqual([{ code: 'ambiguous_match', key: '13' }]);
  expect((await recordWith(stack, 'who', 'hs', 11)).ids).toEqual({ hs: ['11'], sf: ['1'] });
  expect((await recordWith(stack, 'who', 'hs', 12)).ids).toEqual({ hs: ['12'], sf: ['2'] });
  expect((await recordWith(stack, 'who', 'hs', 14)).fields).toEqual({});

  // What matched keeps its record, whatever it says later.
  await hs.query(`UPDATE who SET domain = 'beta.io', changed = '${day(6)}' WHERE id = 11`);
  const again = await runCycle(stack, 'who');
  expect(again.counts).toMatchObject({ 'attach.new': 0, 'attach.byMatch': 0 });
  expect((await recordWith(stack, 'who', 'hs', 11)).ids['sf']).toEqual(['1']);

  await putEntity(stack, 'chosen', entity('updated'));
  await runCycle(stack, 'chosen');
  const twins = (await recordsOf(stack, 'chosen')).filter(
    ({ fields: { name } }) => name === 'Twin',
  );
  expect(twins.filter(({ ids }) => ids['hs']?.[0] === '13')).toHaveLength(1);
});

test.concurrent('lets the field’s authority decide, keeps what it refused, and tells null from missing', async () => {
  const { stack, sf, hs, out } = bench;
  await makeTable(sf, 'auth', 'code text, ranked text, latest text, owned text');
  await makeTable(hs, 'auth', 'code text, ranked text, latest text, owned text');
  await makeTable(out, 'auth', 'code text, ranked text, latest text, owned text, kept text');
  await sf.query(`INSERT INTO auth VALUES (1, 'c', 'sf', 'sf', 'sf', '${day(2)}')`);
  await hs.query(`INSERT INTO auth VALUES (1, 'c', 'hs', 'hs', 'hs', '${day(3)}')`);
  const fields = { code: 'code', ranked: 'ranked', latest: 'latest', owned: 'owned' };
  await putEntity(stack, 'auth', {
    fields: { code: 'text', ranked: 'text', latest: 'text', owned: 'text' },
    sources: {
      sf: tableSource('sf', 'auth', { attach: [['code']], fields }),
      hs: tableSource('hs', 'auth', { attach: [['code']], fields }),
    },
    authority: {
      code: 'latest',
      ranked: { ranked: ['sf', 'hs'] },
      latest: 'latest',
      owned: { owner: 'sf' },
    },
    destinations: {
      out: {
        destination: { connection: 'out', stream: 'public.auth', key: 'code' },
        mode: 'upsert',
      },
    },
  });
  const values = async () => {
    const [record] = await recordsOf(stack, 'auth');
    const { code: _code, ...rest } = record?.fields ?? {};
    return rest;
  };
  await runCycle(stack, 'auth');
  // In one cycle the rank decides, though hs is newer.
  expect(await values()).toEqual({ ranked: 'sf', latest: 'hs', owned: 'sf' });
  await out.query(`UPDATE auth SET kept = 'mine'`);

  // Between cycles the newer one counts; the owner's field is refused whoever is newer.
  await hs.query(
    `UPDATE auth SET ranked = 'h2', latest = 'h2', owned = 'h2', changed = '${day(8)}'`,
  );
  const second = await runCycle(stack, 'auth');
  expect(second.counts).toMatchObject({ 'fields.changed': 2, 'fields.refused': 1 });
  expect(await values()).toEqual({ ranked: 'h2', latest: 'h2', owned: 'sf' });

  // Read later, but older than what stands there: nothing happens but a note of what was refused.
  await out.query(`UPDATE auth SET latest = 'deviates'`);
  await sf.query(
    `UPDATE auth SET ranked = 's3', latest = 's3', owned = null, changed = '${day(5)}'`,
  );
  await runCycle(stack, 'auth');
  // The explicit null of the owner counts.
  expect(await values()).toEqual({ ranked: 'h2', latest: 'h2', owned: null });
  const [record] = await recordsOf(stack, 'auth');
  const history = await historyOf(stack, 'auth', record?.id ?? '');
  expect(history.map(({ cycle, operation }) => [cycle, operation])).toEqual([
    [1, 'create'],
    [2, 'update'],
    [3, 'update'],
  ]);
  expect(history[2]).toMatchObject({
    changes: [{ field: 'owned', old: 'sf', new: null, source: 'sf', by: 'owner' }],
    refused: [
      { field: 'ranked', value: 's3', source: 'sf', by: 'ranked' },
      { field: 'latest', value: 's3', source: 'sf', by: 'latest' },
    ],
  });
  // What is not mapped stays, what deviated is put right.
  expect(await out.query('SELECT ranked, latest, owned, kept FROM auth')).toEqual([
    { ranked: 'h2', latest: 'h2', owned: null, kept: 'mine' },
  ]);

  // Nothing more happens: neither here nor there.
  const before = [await versionsOf(out, 'auth'), await recordsOf(stack, 'auth')];
  const settled = await runCycle(stack, 'auth');
  expect(settled.run.outcome).toBe('nothing_written');
  expect([await versionsOf(out, 'auth'), await recordsOf(stack, 'auth')]).toEqual(before);
  // A null at first sight sets nothing.
  await sf.query(`INSERT INTO auth VALUES (2, 'd', null, 'x', null, '${day(9)}')`);
  await runCycle(stack, 'auth');
  expect((await recordWith(stack, 'auth', 'sf', 2)).fields).toEqual({ code: 'd', latest: 'x' });
});

test.concurrent.each([true, false])(
  'merges transitively, fills and overrides; deleteLosers: %s at a destination that is a source too',
  async (deleteLosers) => {
    const { stack, sf, hs } = bench;
    const name = `merge_${deleteLosers}`;
    await makeTable(sf, name, 'name text, phone text, email text, size int');
    await makeTable(hs, name, 'name text, phone text, email text, size int');
    const merge: NonNullable<EntityInput['merge']> = {
      match: [['name'], ['phone']],
      override: { size: 'newest', email: 'never' },
      deleteLosers,
      guard: 4,
    };
    const fields = { name: 'name', phone: 'phone', email: 'email', size: 'size' };
    const entity: EntityInput = {
      fields: { name: 'text', phone: 'text', email: 'text', size: 'integer' },
      sources: {
        sf: tableSource('sf', name, { fields }),
        hs: tableSource('hs', name, { fields }),
      },
      authority: { name: 'latest', phone: 'latest', email: 'latest', size: 'latest' },
      destinations: {
        hs: { destination: { connection: 'hs', stream: `public.${name}` }, mode: 'upsert' },
      },
    };
    // First they stand side by side, each with a record of its own in hs.
    await sf.query(`INSERT INTO ${name} VALUES
      (1, 'Acme', '', null, 5, '${day(1)}'), (2, 'ACME', '123', 'a@acme', 7, '${day(3)}'),
      (3, 'x', '9', null, 1, '${day(1)}'), (4, 'x', '8', null, 1, '${day(1)}'), (5, 'x', '7', null, 1, '${day(1)}'),
      (6, 'x', '6', null, 1, '${day(1)}'), (7, 'x', '5', null, 1, '${day(1)}')`);
    await hs.query(`INSERT INTO ${name} VALUES (11, 'Acme', '123', null, 6, '${day(2)}')`);
    await putEntity(stack, name, entity);
    await runCycle(stack, name, { drain: true });
    expect(await hs.value(`SELECT count(*) FROM ${name}`)).toBe('8');

    await putEntity(stack, name, { ...entity, merge: { ...merge, report: true } });
    const reported = await runCycle(stack, name);
    expect(reported.counts).toMatchObject({ 'merge.merged': 0, 'merge.reported': 2 });
    const path = `/v1/entities/${name}/duplicates`;
    expect((await callApi(stack, 'GET', path)).body).toMatchObject({
      groups: [
        { records: some(3), reason: 'report' },
        { records: some(5), reason: 'guard' },
      ],
    });

    await putEntity(stack, name, { ...entity, merge });
    const merged = await runCycle(stack, name);
    expect(merged.counts).toMatchObject({ 'merge.groups': 1, 'merge.merged': 2 });
    expect((await callApi(stack, 'GET', path)).body).toMatchObject({
      groups: [{ records: some(5), reason: 'guard' }],
    });
    const winner = await recordWith(stack, name, 'sf', 1);
    // Empty text is filled; the newest size; the email never; the name stays.
    expect(winner.fields).toEqual({ name: 'Acme', phone: '123', size: 7 });
    expect(winner.ids['sf']?.toSorted()).toEqual(['1', '2']);
    const history = await historyOf(stack, name, winner.id);
    const last = history.at(-1);
    expect(last).toMatchObject({
      operation: 'merge',
      merged: [expect.any(String), expect.any(String)],
    });
    const [loser = ''] = last?.merged ?? [];
    expect((await historyOf(stack, name, loser)).at(-1)).toMatchObject({
      operation: 'delete',
      merged: [winner.id],
    });
    const gone = await recordsOf(stack, name, { deleted: true });
    expect(gone.find(({ id }) => id === loser)).toMatchObject({ mergedInto: winner.id, ids: {} });

    const acmes = () =>
      hs.query(`SELECT name, phone, size FROM ${name} WHERE name ILIKE 'acme' ORDER BY id`);
    const one = { name: 'Acme', phone: '123', size: '7' };
    const left = deleteLosers ? 1 : 3;
    expect(merged.to['hs']?.stats).toMatchObject({ removed: 3 - left });
    expect(await acmes()).toHaveLength(left);
    expect(await acmes()).toContainEqual(one);
    expect((await recordWith(stack, name, 'sf', 1)).ids['hs']).toHaveLength(left);
    await expectSettled(bench.stack, name, [
      [sf, name],
      [hs, name],
    ]);
  },
);
