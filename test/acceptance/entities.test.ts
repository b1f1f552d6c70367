import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunView } from '../../src/api/views/run-view.ts';
import {
  callApi,
  endOfCycle,
  errorsOf,
  historyOf,
  makeTable,
  openEntityBench,
  putEntity,
  recordsOf,
  recordWith,
  runCycle,
  tableSource,
  versionsOf,
  type EntityBench,
  type EntityInput,
  type SourceInput,
} from '../support/entity-bench.ts';
import { finished, until } from '../support/bench.ts';
import { startStrictApi } from '../support/strict-api.ts';
import { startProxy } from '../support/tcp-proxy.ts';

// They run side by side, each with an entity and tables of its own.
vi.setConfig({ testTimeout: 180_000 });
let bench: EntityBench;

beforeAll(async () => {
  bench = await openEntityBench();
});
afterAll(() => bench.close());

const day = (n: number): string => `2026-01-${String(n).padStart(2, '0')}T00:00:00Z`;

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
    await expectSettled(name, [
      [sf, name],
      [hs, name],
    ]);
  },
);

test.concurrent('detaches what a source has deleted: by flag, tombstones and a scan of all ids, which waits for approval', async () => {
  const { stack, sf, hs, out } = bench;
  await makeTable(sf, 'del', 'code text, gone boolean DEFAULT false');
  await makeTable(hs, 'del', 'code text');
  await makeTable(out, 'del', 'code text');
  await makeTable(out, 'del_mirror', 'code text');
  await makeTable(out, 'del_upsert', 'code text');
  await out.query(`CREATE TABLE del_gone (no bigint PRIMARY KEY, id bigint, changed timestamptz)`);
  const codes = (from: number, to: number) =>
    `SELECT n, 'c' || n, '${day(1)}'::timestamptz FROM generate_series(${from}, ${to}) n`;
  await sf.query(`INSERT INTO del (id, code, changed) ${codes(1, 6)}`);
  await hs.query(`INSERT INTO del (id, code, changed) ${codes(4, 9)}`);
  await out.query(`INSERT INTO del (id, code, changed) ${codes(101, 250)}`);
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
  const child = await childOf(id, 'mirror');
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
  await expectSettled('del', [[out, 'del_mirror']]);
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

test.concurrent('finds records by natural key, adopts what is there, keeps ids that are assigned, and settles', async () => {
  const { stack, sf, hs, out } = bench;
  await makeTable(sf, 'to', 'code text, name text, kind text');
  await makeTable(hs, 'to', 'code text, name text, note text');
  await out.query(`CREATE TABLE to_key (code text PRIMARY KEY, name text, note text)`);
  await sf.query(`INSERT INTO "to" VALUES (1, 'a', 'A', 'x', '${day(1)}'), (2, 'b', 'B', 'x', '${day(1)}'),
    (3, 'c', 'C', 'y', '${day(1)}')`);
  await hs.query(`INSERT INTO "to" VALUES (77, 'a', 'old', 'mine', '2020-01-01')`);
  await out.query(`INSERT INTO to_key VALUES ('b', 'old', 'mine'), ('z', 'other', 'mine')`);
  const fields = { code: 'code', name: 'name' };
  await putEntity(stack, 'to', {
    fields: { code: 'text', name: 'text', kind: 'text' },
    sources: {
      sf: tableSource('sf', 'to', { fields: { ...fields, kind: 'kind' } }),
    },
    destinations: {
      hs: {
        destination: { connection: 'hs', stream: 'public.to', id: 'id', key: 'code' },
        mode: 'upsert',
        where: 'kind == "x"',
        fields,
      },
      out: {
        destination: { connection: 'out', stream: 'public.to_key', key: 'code' },
        mode: 'upsert',
        fields,
      },
    },
  });
  const first = await runCycle(stack, 'to');
  expect(first.to['hs']?.stats).toMatchObject({ imported: 3, created: 1, updated: 1, skipped: 1 });
  expect(first.to['out']?.stats).toMatchObject({ imported: 3, created: 2, updated: 1 });
  expect(await hs.query('SELECT id, code, name, note FROM "to" ORDER BY id')).toEqual([
    { id: '77', code: 'a', name: 'A', note: 'mine' },
    { id: '1000', code: 'b', name: 'B', note: null },
  ]);
  expect(await out.rows('to_key')).toEqual(['(a,A,)', '(b,B,mine)', '(c,C,)', '(z,other,mine)']);
  expect((await recordWith(stack, 'to', 'sf', 1)).ids['hs']).toEqual(['77']);
  expect((await recordWith(stack, 'to', 'sf', 2)).ids['hs']).toEqual(['1000']);

  // From now on they go by id, whatever the key says; what was deleted there is made anew when it changes.
  await sf.query(`UPDATE "to" SET code = code || '2', changed = '${day(2)}' WHERE id < 3`);
  await hs.query(`DELETE FROM "to" WHERE id = 1000`);
  const second = await runCycle(stack, 'to');
  expect(second.to['hs']?.stats).toMatchObject({ created: 1, updated: 1 });
  expect(await hs.query('SELECT id, code FROM "to" ORDER BY id')).toEqual([
    { id: '77', code: 'a2' },
    { id: '1001', code: 'b2' },
  ]);
  expect((await recordWith(stack, 'to', 'sf', 2)).ids['hs']).toEqual(['1001']);
  await expectSettled('to', [[hs, '"to"']]);

  const lag = await callApi(stack, 'GET', '/v1/entities/to/lag');
  expect(lag.body).toMatchObject({ destinations: { hs: { records: 0 }, out: { records: 0 } } });

  // What one cycle did, by record.
  const { body } = await callApi(stack, 'GET', '/v1/entities/to/history?cycle=1');
  const created = { operation: 'create', cycle: 1 };
  expect(body).toMatchObject({ entries: [created, created, created] });

  // Erased, it is nowhere in Sluice; what the destinations hold is theirs.
  const { id } = await recordWith(stack, 'to', 'sf', 3);
  await stack.client.entities.erase('to', id);
  expect((await callApi(stack, 'GET', `/v1/entities/to/records/${id}`)).status).toBe(404);
  expect(await recordsOf(stack, 'to', { deleted: true })).toHaveLength(2);
  expect(await out.value(`SELECT count(*) FROM to_key WHERE code = 'c'`)).toBe('1');
});

test.concurrent('a system that is source and destination recognises its own echo, and the whole settles', async () => {
  const { stack, sf, hs } = bench;
  await makeTable(sf, 'two', 'name text, site text, kind text');
  await makeTable(hs, 'two', 'name text, site text, size int');
  await hs.query(`
    CREATE FUNCTION two_touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed = clock_timestamp(); RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON two FOR EACH ROW EXECUTE FUNCTION two_touch()`);
  await sf.query(`INSERT INTO two VALUES (1, 'Acme', 'https://www.acme.com/a', 'Customer', now()),
    (2, 'Beta', 'http://beta.io', 'Lead', now())`);
  await hs.query(
    `INSERT INTO two (name, site, size) VALUES ('acme inc', 'acme.com', 10), ('Delta', 'delta.org', 3)`,
  );
  const byDomain = { attach: [['domain']] };
  await putEntity(stack, 'two', {
    fields: { name: 'text', domain: 'text', kind: 'text', size: 'integer' },
    sources: {
      sf: tableSource('sf', 'two', {
        ...byDomain,
        fields: { name: 'name', domain: { expr: 'domain(site)' }, kind: 'kind' },
      }),
      hs: tableSource('hs', 'two', {
        ...byDomain,
        fields: { name: 'name', domain: { expr: 'domain(site)' }, size: 'size' },
      }),
    },
    authority: { name: { ranked: ['sf', 'hs'] }, domain: 'latest' },
    destinations: {
      hs: {
        destination: { connection: 'hs', stream: 'public.two' },
        mode: 'upsert',
        fields: { name: 'name', site: 'domain', size: 'size' },
      },
      sf: {
        destination: { connection: 'sf', stream: 'public.two' },
        mode: 'upsert',
        fields: { name: 'name', site: 'domain' },
      },
    },
  });
  await runCycle(stack, 'two');
  const hsRows = () => hs.query('SELECT id, name, site, size FROM two ORDER BY id');
  const first = await hsRows();
  expect(first).toEqual([
    { id: '1000', name: 'Acme', site: 'acme.com', size: '10' },
    { id: '1001', name: 'Delta', site: 'delta.org', size: '3' },
    { id: '1002', name: 'Beta', site: 'beta.io', size: null },
  ]);
  // What was written is read back, and is no news.
  const echo = await runCycle(stack, 'two');
  expect(echo.run.stats.imported).toBeGreaterThan(0);
  expect(echo.counts).toMatchObject({ 'attach.new': 0, 'fields.changed': 0, 'fields.refused': 0 });
  expect(echo.run.outcome).toBe('nothing_written');

  // A change on either side reaches the other, and comes to rest there.
  await hs.query(`UPDATE two SET name = 'Beta Ltd', size = 8 WHERE id = 1002`);
  await runCycle(stack, 'two');
  expect(await sf.query('SELECT name FROM two WHERE id = 2')).toEqual([{ name: 'Beta Ltd' }]);
  await runCycle(stack, 'two');
  await expectSettled('two', [
    [sf, 'two'],
    [hs, 'two'],
  ]);
});

test.concurrent('a system that writes values its own way is put right once, and left alone then', async () => {
  const { stack, sf, hs } = bench;
  await makeTable(sf, 'own', 'code text, name text');
  await makeTable(hs, 'own', 'code text, name text');
  await hs.query(`CREATE FUNCTION own_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      NEW.name = lower(NEW.name); NEW.changed = clock_timestamp(); RETURN NEW; END $$;
    CREATE TRIGGER own_way BEFORE INSERT OR UPDATE ON own FOR EACH ROW EXECUTE FUNCTION own_way()`);
  await sf.query(`INSERT INTO own VALUES (1, 'a', 'Acme', '${day(1)}')`);
  const fields = { code: 'code', name: 'name' };
  await putEntity(stack, 'own', {
    fields: { code: 'text', name: 'text' },
    sources: {
      sf: tableSource('sf', 'own', { fields }),
      hs: tableSource('hs', 'own', { attach: [['code']], fields }),
    },
    authority: { code: 'latest', name: { owner: 'sf' } },
    destinations: {
      hs: { destination: { connection: 'hs', stream: 'public.own' }, mode: 'upsert' },
    },
  });
  for (let cycle = 0; cycle < 2; cycle++) await runCycle(stack, 'own');
  await expectSettled('own', [[hs, 'own']]);
  const { id, fields: golden } = await recordWith(stack, 'own', 'sf', 1);
  expect(golden).toEqual({ code: 'a', name: 'Acme' });
  expect((await historyOf(stack, 'own', id)).flatMap(({ refused }) => refused)).toMatchObject([
    { field: 'name', value: 'acme', by: 'owner' },
  ]);
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
  expect(await drained('backlog')).toMatchObject([
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
  const cycles = await drained('stamped');
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

test.concurrent('a destination that does not answer holds back no other, catches up later, and gets anew what it lost', async () => {
  const { stack, sf, out } = bench;
  const api = await startStrictApi({ key: 'id' });
  const link = await startProxy(new URL(api.url).host);
  try {
    await stack.client.connections.put('api', {
      type: 'http',
      url: link.through(api.url),
      streams: {
        contacts: {
          key: 'id',
          id: 'id',
          lookup: {
            path: '/contacts/lookup',
            method: 'POST',
            batch: 50,
            body: { keys: '{keys}' },
            records: 'records',
          },
          create: { path: '/contacts', idempotencyHeader: 'Idempotency-Key' },
          update: { path: '/contacts/{key}' },
        },
      },
    });
    await makeTable(sf, 'slow', 'code text');
    await makeTable(out, 'slow', 'code text');
    await sf.query(`INSERT INTO slow SELECT n, 'c' || n, '${day(1)}' FROM generate_series(1, 5) n`);
    await putEntity(stack, 'slow', {
      fields: { code: 'text' },
      sources: { sf: tableSource('sf', 'slow', { fields: { code: 'code' } }) },
      destinations: {
        api: { destination: { connection: 'api', stream: 'contacts', id: 'id' }, mode: 'upsert' },
        out: {
          destination: { connection: 'out', stream: 'public.slow', id: 'id' },
          mode: 'upsert',
        },
      },
    });
    const delivered = (cycle: string) =>
      until(stack.client, cycle, ({ children = [] }) =>
        children.some(
          ({ destination, finishedAt }) => destination === 'out' && finishedAt !== null,
        ),
      );
    const lag = async () => (await callApi(stack, 'GET', '/v1/entities/slow/lag')).body;
    link.stall();
    const first = await stack.client.entities.start('slow');
    await delivered(first.id);
    expect(await lag()).toMatchObject({
      destinations: { api: { records: 5 }, out: { records: 0, seconds: 0 } },
    });

    // The next cycle is not refused, and brings what it can.
    await sf.query(`UPDATE slow SET code = code || '!', changed = '${day(2)}' WHERE id < 4`);
    const second = await stack.client.entities.start('slow');
    await delivered(second.id);
    expect(await out.query('SELECT code FROM slow ORDER BY 1')).toEqual(
      ['c1!', 'c2!', 'c3!', 'c4', 'c5'].map((code) => ({ code })),
    );
    expect(await lag()).toMatchObject({ destinations: { api: { records: 5 } } });
    expect((await callApi(stack, 'DELETE', '/v1/entities/slow')).status).toBe(409);
    expect(api.records.size).toBe(0);
    link.pass();
    await endOfCycle(stack, first.id);
    await endOfCycle(stack, second.id);
    const third = await runCycle(stack, 'slow');
    expect(Object.keys(third.to).toSorted()).toEqual(['api', 'out']);
    expect(await lag()).toMatchObject({ destinations: { api: { records: 0, seconds: 0 } } });
    const codes = () => [...api.records.values()].map(({ code }) => String(code)).toSorted();
    expect(codes()).toEqual(['c1!', 'c2!', 'c3!', 'c4', 'c5']);
    expect(api.log.filter(({ operation }) => operation === 'create')).toHaveLength(5);

    // It would answer the same idempotency key with the id of the record that is gone.
    const lost = (await recordWith(stack, 'slow', 'sf', 1)).ids['api']?.[0] ?? '';
    api.records.delete(lost);
    await sf.query(`UPDATE slow SET code = 'again', changed = '${day(3)}' WHERE id = 1`);
    await runCycle(stack, 'slow');
    expect(codes()).toEqual(['again', 'c2!', 'c3!', 'c4', 'c5']);
    const { ids } = await recordWith(stack, 'slow', 'sf', 1);
    expect(api.records.get(ids['api']?.[0] ?? '')).toMatchObject({ code: 'again' });
  } finally {
    await link.close();
    await api.close();
  }
});

test.concurrent('what a destination refuses is parked, stops nothing, and is retried alone', async () => {
  const { stack, sf, out } = bench;
  await makeTable(sf, 'parked', 'code text');
  await makeTable(out, 'parked', `code text CHECK (code <> 'c2')`);
  await sf.query(`INSERT INTO parked SELECT n, 'c' || n, '${day(1)}' FROM generate_series(1, 3) n`);
  await putEntity(stack, 'parked', {
    fields: { code: 'text' },
    sources: { sf: tableSource('sf', 'parked', { fields: { code: 'code' } }) },
    destinations: {
      out: {
        destination: { connection: 'out', stream: 'public.parked', id: 'id' },
        mode: 'upsert',
      },
    },
  });
  const { run, to } = await runCycle(stack, 'parked');
  expect(run).toMatchObject({ outcome: 'partial', stats: { errors: 0 } });
  expect(to['out']?.stats).toMatchObject({ imported: 3, created: 2, errors: 1 });
  const { id } = await recordWith(stack, 'parked', 'sf', 2);
  const failed = to['out']?.id ?? '';
  expect(await errorsOf(stack, failed)).toMatchObject([{ key: id }]);
  expect((await callApi(stack, 'GET', '/v1/entities/parked/lag')).body).toMatchObject({
    destinations: { out: { records: 0 } },
  });
  await out.query('ALTER TABLE parked DROP CONSTRAINT parked_code_check');
  const retried = await stack.client.runs.act(failed, 'retry-errors');
  expect((await finished(stack.client, retried.id)).stats).toMatchObject({
    imported: 1,
    created: 1,
  });
  expect((await recordWith(stack, 'parked', 'sf', 2)).ids['out']).toHaveLength(1);
  expect(await out.query('SELECT code FROM parked ORDER BY 1')).toEqual(
    ['c1', 'c2', 'c3'].map((code) => ({ code })),
  );
});

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
  await expectSettled('anew', []);
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

/** Waits until a cycle has ended that leaves nothing to the next; all cycles so far, newest first. */
async function drained(entity: string): Promise<RunView[]> {
  return vi.waitFor(
    async () => {
      const { runs } = await bench.stack.client.runs.list({ entity });
      expect(runs[0]).toMatchObject({ status: 'completed', more: false });
      return runs;
    },
    { timeout: 30_000, interval: 100 },
  );
}

/** A list of so many texts. */
function some(count: number): unknown[] {
  return Array.from({ length: count }, () => expect.any(String));
}

/** A source from table `anew`, whose fields are those of the entity. */
function sourceBy(connection: string, fields: string[], attach: string): [string, SourceInput] {
  const same = Object.fromEntries(fields.map((field) => [field, field]));
  return [connection, tableSource(connection, 'anew', { attach: [[attach]], fields: same })];
}

function contactBy(sources: [string, SourceInput][], more: Partial<EntityInput> = {}): EntityInput {
  return {
    fields: { code: 'text', name: 'text', phone: 'text' },
    sources: Object.fromEntries(sources),
    authority: { code: 'latest', name: 'latest', phone: 'latest' },
    ...more,
  };
}

async function childOf(cycle: string, destination: string): Promise<string> {
  const run = await until(bench.stack.client, cycle, ({ children }) =>
    (children ?? []).some((child) => child.destination === destination),
  );
  return (run.children ?? []).find((child) => child.destination === destination)?.id ?? '';
}

/** Asserts that one more cycle writes nothing anywhere: not a row in these tables, not a record, not an entry. */
async function expectSettled(
  entity: string,
  tables: readonly (readonly [EntityBench['sf'], string])[],
): Promise<void> {
  const look = async () => [
    await Promise.all(tables.map(([db, table]) => versionsOf(db, table))),
    await recordsOf(bench.stack, entity, { deleted: true }),
  ];
  await runCycle(bench.stack, entity);
  const before = await look();
  const { run, counts, to } = await runCycle(bench.stack, entity);
  expect(await look()).toEqual(before);
  expect(run.outcome).toBe('nothing_written');
  expect(counts['save.updated'] ?? 0).toBe(0);
  for (const { stats } of Object.values(to))
    expect(stats).toMatchObject({ created: 0, updated: 0, removed: 0, errors: 0 });
}
