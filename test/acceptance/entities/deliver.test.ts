import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  callApi,
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
} from '../../support/entity-bench.ts';
import { finished, until } from '../../support/bench.ts';
import { day, expectSettled } from '../../support/entity-cases.ts';
import { startStrictApi } from '../../support/strict-api.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

// Tests run side by side, each with an entity and tables of its own.
vi.setConfig({ testTimeout: 180_000 });
let bench: EntityBench;

beforeAll(async () => {
  bench = await openEntityBench();
});
afterAll(() => bench.close());

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
  await expectSettled(bench.stack, 'to', [[hs, '"to"']]);

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
  await expectSettled(bench.stack, 'two', [
    [sf, 'two'],
    [hs, 'two'],
  ]);
});

test.concurrent('a system that writes values its own way is put right once, and left alone then', async () => {
  const { stack, sf, hs } = bench;
  await makeTable(sf, 'own', 'code text, name text');
  await makeTable(hs, 'own', 'code text, name text');
  // It does so once the write is made, so the answer to the write does not tell.
  await hs.query(`CREATE FUNCTION own_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      UPDATE own SET name = lower(name), changed = clock_timestamp() WHERE id = NEW.id; RETURN NULL; END $$;
    CREATE TRIGGER own_way AFTER INSERT OR UPDATE ON own FOR EACH ROW
      WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION own_way()`);
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
  await expectSettled(bench.stack, 'own', [[hs, 'own']]);
  const { id, fields: golden } = await recordWith(stack, 'own', 'sf', 1);
  expect(golden).toEqual({ code: 'a', name: 'Acme' });
  expect((await historyOf(stack, 'own', id)).flatMap(({ refused }) => refused)).toMatchObject([
    { field: 'name', value: 'acme', by: 'owner' },
  ]);
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
    destinations: { out: { records: 1, refused: 1 } },
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

test.concurrent('refused records count as lag, and come again by themselves once they are taken', async () => {
  const { stack, sf, out } = bench;
  await makeTable(sf, 'again', 'code text');
  await makeTable(out, 'again', `code text CONSTRAINT good CHECK (code NOT LIKE 'bad%')`);
  await sf.query(`INSERT INTO again SELECT n, CASE WHEN n < 3 THEN 'bad' ELSE 'c' END || n, '${day(1)}'
    FROM generate_series(1, 5) n`);
  await putEntity(stack, 'again', {
    fields: { code: 'text' },
    sources: { sf: tableSource('sf', 'again', { fields: { code: 'code' } }) },
    destinations: {
      out: {
        destination: { connection: 'out', stream: 'public.again', id: 'id' },
        mode: 'upsert',
      },
    },
  });
  const lag = async () => (await callApi(stack, 'GET', '/v1/entities/again/lag')).body;
  expect((await runCycle(stack, 'again')).to['out']?.stats).toMatchObject({
    created: 3,
    errors: 2,
  });
  // Nothing changes, and the two are still told of.
  const second = await runCycle(stack, 'again');
  expect(second.run.outcome).toBe('partial');
  expect(second.to['out']?.stats).toMatchObject({ imported: 2, errors: 2 });
  expect(await lag()).toMatchObject({ destinations: { out: { records: 2, refused: 2 } } });
  // One is mended at its source, the other when the destination takes it.
  await sf.query(`UPDATE again SET code = 'mended', changed = '${day(2)}' WHERE id = 1`);
  expect((await runCycle(stack, 'again')).to['out']?.stats).toMatchObject({
    created: 1,
    errors: 1,
  });
  expect(await lag()).toMatchObject({ destinations: { out: { records: 1, refused: 1 } } });
  await out.query('ALTER TABLE again DROP CONSTRAINT good');
  expect((await runCycle(stack, 'again')).to['out']?.stats).toMatchObject({
    created: 1,
    errors: 0,
  });
  expect(await lag()).toMatchObject({
    destinations: { out: { records: 0, refused: 0, seconds: 0 } },
  });
  expect(await out.query('SELECT code FROM again ORDER BY 1')).toEqual(
    ['bad2', 'c3', 'c4', 'c5', 'mended'].map((code) => ({ code })),
  );
  await expectSettled(stack, 'again', [[out, 'again']]);
});

test.concurrent('of two records with one natural key one is written, whether they come in one cycle or in two', async () => {
  const { stack, sf, out } = bench;
  for (const table of ['once', 'twice']) {
    await makeTable(sf, table, 'code text');
    await makeTable(out, table, 'code text');
    await putEntity(stack, table, {
      fields: { code: 'text' },
      sources: { sf: tableSource('sf', table, { fields: { code: 'code' } }) },
      destinations: {
        out: {
          destination: { connection: 'out', stream: `public.${table}`, id: 'id', key: 'code' },
          mode: 'upsert',
        },
      },
    });
  }
  await sf.query(`INSERT INTO once VALUES (1, 'x'), (2, 'x'); INSERT INTO twice VALUES (1, 'x')`);
  await runCycle(stack, 'twice');
  await sf.query(`INSERT INTO twice VALUES (2, 'x')`);
  for (const table of ['once', 'twice']) {
    const { to } = await runCycle(stack, table);
    const { id } = await recordWith(stack, table, 'sf', 2);
    expect(await errorsOf(stack, to['out']?.id ?? '')).toMatchObject([
      { code: 'ambiguous_match', key: id },
    ]);
    expect(await out.value(`SELECT count(*) FROM ${table}`)).toBe('1');
    // Once their keys differ, both are written.
    await sf.query(`UPDATE ${table} SET code = 'y', changed = clock_timestamp() WHERE id = 2`);
    await runCycle(stack, table);
    expect(await out.query(`SELECT code FROM ${table} ORDER BY 1`)).toEqual([
      { code: 'x' },
      { code: 'y' },
    ]);
  }
});

test.concurrent('a filter stops writing, and a deletion is written: of what Sluice made there, and nothing else', async () => {
  const { stack, sf, hs } = bench;
  for (const mode of ['upsert', 'mirror'] as const) {
    const table = `left_${mode}`;
    await makeTable(sf, table, 'name text, kind text, gone boolean DEFAULT false');
    await makeTable(hs, table, 'name text');
    await sf.query(`INSERT INTO ${table} (id, name, kind)
      VALUES (1, 'Acme', 'x'), (2, 'Globex', 'y'), (3, 'Wonka', 'x'), (4, 'Initech', 'x')`);
    await hs.query(`INSERT INTO ${table} (name) VALUES ('Globex'), ('Stark'), ('Initech')`);
    await putEntity(stack, table, {
      fields: { name: 'text', kind: 'text' },
      sources: {
        sf: tableSource('sf', table, {
          attach: [['name']],
          deleted: 'gone == true',
          fields: { name: 'name', kind: 'kind' },
        }),
        hs: tableSource('hs', table, { attach: [['name']], fields: { name: 'name' } }),
      },
      authority: { name: 'latest' },
      deletes: 'any',
      destinations: {
        hs: {
          destination: { connection: 'hs', stream: `public.${table}` },
          mode,
          ...(mode === 'upsert' && { remove: 'written' as const }),
          removal: false,
          where: 'kind == "x"',
          fields: { name: 'name' },
        },
      },
    });
    const names = async () => {
      const rows = await hs.query(`SELECT name FROM ${table} ORDER BY 1`);
      return rows.map(({ name }) => name);
    };
    await runCycle(stack, table);
    await runCycle(stack, table);
    // Globex and Stark are the system's own, and never passed the filter.
    expect(await names()).toEqual(['Acme', 'Globex', 'Initech', 'Stark', 'Wonka']);
    await sf.query(`UPDATE ${table} SET gone = true, changed = clock_timestamp() WHERE id > 2`);
    await runCycle(stack, table);
    const afterDeletes =
      mode === 'mirror' ? ['Acme', 'Globex', 'Stark'] : ['Acme', 'Globex', 'Initech', 'Stark'];
    expect(await names()).toEqual(afterDeletes);
    await sf.query(`UPDATE ${table} SET kind = 'y', changed = clock_timestamp() WHERE id = 1`);
    await runCycle(stack, table);
    const afterFilter = afterDeletes.filter((name) => mode === 'upsert' || name !== 'Acme');
    expect(await names()).toEqual(afterFilter);
  }
});
