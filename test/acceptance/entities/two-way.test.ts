import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  endOfCycle,
  historyOf,
  makeTable,
  openEntityBench,
  putEntity,
  recordWith,
  runCycle,
  tableSource,
  type EntityBench,
} from '../../support/entity-bench.ts';
import { expectSettled, touchWith } from '../../support/entity-cases.ts';

// Tests run side by side, each with an entity and tables of its own.
vi.setConfig({ testTimeout: 180_000 });
let bench: EntityBench;

beforeAll(async () => {
  bench = await openEntityBench();
});
afterAll(() => bench.close());

/** Returns the row of a user of table `own`, as one text. */
function at(db: EntityBench['sf'], user: number): Promise<string | null> {
  return db.value(`SELECT concat_ws('|', email, name, rate, more) FROM own
    WHERE lower(email) = 'user${user}@x.com'`);
}

test.concurrent('a system’s own way of writing is no change: it does not travel back', async () => {
  const { stack, sf, hs } = bench;
  await makeTable(sf, 'own', 'email text, name text, rate numeric');
  await touchWith(sf, 'own');
  // Its type rounds, its trigger trims and folds, and it stores JSON in an order of its own.
  await makeTable(hs, 'own', 'email text, name text, rate numeric(6, 1), more jsonb');
  await sf.query('ALTER TABLE own ADD more jsonb');
  await touchWith(
    hs,
    'own',
    'NEW.email := lower(NEW.email); NEW.name := upper(trim(NEW.name)); NEW.rate := NEW.rate + 1;',
  );
  await sf.query(`INSERT INTO own (id, email, name, rate, more) SELECT n, 'User' || n || '@X.com', ' Name ' || n || ' ', n + 0.26,
      CASE n WHEN 1 THEN '"123"' WHEN 2 THEN '"text"' ELSE '{"b": 1, "a": [2.50, null]}' END::jsonb
    FROM generate_series(1, 5) n`);
  const fields = { email: 'email', name: 'name', rate: 'rate', more: 'more' };
  const source = (connection: string) =>
    tableSource(connection, 'own', {
      attach: [[{ field: 'email', caseInsensitive: true }]],
      fields,
    });
  const destination = (connection: string) => ({
    destination: { connection, stream: 'public.own', id: 'id' },
    mode: 'upsert' as const,
    fields,
  });
  await putEntity(stack, 'own', {
    fields: { email: 'text', name: 'text', rate: 'number', more: 'json' },
    sources: { sf: source('sf'), hs: source('hs') },
    authority: { email: 'latest', name: 'latest', rate: 'latest', more: 'latest' },
    destinations: { sf: destination('sf'), hs: destination('hs') },
  });
  const tables = [
    [sf, 'own'],
    [hs, 'own'],
  ] as const;

  await runCycle(stack, 'own');
  await expectSettled(stack, 'own', tables);
  expect(await at(sf, 1)).toBe('User1@X.com| Name 1 |1.26|"123"');
  expect(await at(hs, 1)).toBe('user1@x.com|NAME 1|2.3|"123"');
  expect(await at(hs, 2)).toBe('user2@x.com|NAME 2|3.3|"text"');

  await sf.query(`UPDATE own SET name = ' New ', rate = 7.7 WHERE id = 1`);
  await runCycle(stack, 'own');
  await expectSettled(stack, 'own', tables);
  expect(await at(sf, 1)).toBe('User1@X.com| New |7.7|"123"');
  expect(await at(hs, 1)).toBe('user1@x.com|NEW|8.7|"123"');

  // A user's edit there is a change, of the edited field alone.
  await hs.query(`UPDATE own SET name = 'Typed', rate = rate - 1 WHERE email = 'user2@x.com'`);
  await runCycle(stack, 'own');
  await expectSettled(stack, 'own', tables);
  expect(await at(sf, 2)).toBe('User2@X.com|TYPED|2.26|"text"');
});

test.concurrent('an edit between read and write is not overwritten: it is read, and then decided on', async () => {
  const { stack, sf, hs } = bench;
  for (const db of [sf, hs]) {
    await makeTable(db, 'raced', 'code text, name text, city text, kind text');
    await touchWith(db, 'raced');
    await db.query(`INSERT INTO raced (id, code, name, city, kind)
      SELECT n, 'c' || n, 'name', 'city', 'x' FROM generate_series(1, 4) n`);
  }
  const fields = { code: 'code', name: 'name', city: 'city' };
  const source = (connection: string) =>
    tableSource(connection, 'raced', { attach: [['code']], fields, where: 'kind == "x"' });
  const destination = (connection: string) => ({
    destination: { connection, stream: 'public.raced', id: 'id' },
    mode: 'update' as const,
    fields,
  });
  await putEntity(stack, 'raced', {
    fields: { code: 'text', name: 'text', city: 'text' },
    sources: { sf: source('sf'), hs: source('hs') },
    authority: { code: 'latest', name: 'latest', city: { owner: 'sf' } },
    destinations: { sf: destination('sf'), hs: destination('hs') },
  });
  const tables = [
    [sf, 'raced'],
    [hs, 'raced'],
  ] as const;
  await expectSettled(stack, 'raced', tables);

  // Each record is changed at sf; a transaction at hs, open while Sluice reads, edits it and commits before Sluice writes.
  await sf.query(`UPDATE raced SET name = 'from sf', city = 'from sf' WHERE id < 4`);
  const user = new Client({ connectionString: hs.url });
  await user.connect();
  await user.query(`BEGIN; UPDATE raced SET name = 'from hs' WHERE id = 1;
    UPDATE raced SET city = 'from hs' WHERE id = 2; UPDATE raced SET kind = 'edited' WHERE id = 3`);
  const { id } = await stack.client.entities.start('raced');
  // The run waits for the rows that the transaction holds.
  await vi.waitFor(
    async () =>
      expect(
        await hs.value(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`),
      ).toBe('1'),
    { timeout: 30_000, interval: 50 },
  );
  await user.query('COMMIT');
  await user.end();
  const { to } = await endOfCycle(stack, id);
  expect(to['hs']?.stats).toMatchObject({ imported: 3, updated: 1, errors: 0, skipped: 2 });
  expect(to['hs']?.stats.skippedBy).toMatchObject({ edited: 2 });
  expect(to['hs']?.outcome).not.toBe('partial');
  await expectSettled(stack, 'raced', tables);
  const both = async (row: number) => {
    const sql = `SELECT name || '|' || city FROM raced WHERE id = ${row}`;
    return [await sf.value(sql), await hs.value(sql)];
  };
  // The later edit of the name wins; the city belongs to sf, and what it refused is in the history.
  expect(await both(1)).toEqual(['from hs|from sf', 'from hs|from sf']);
  expect(await both(2)).toEqual(['from sf|from sf', 'from sf|from sf']);
  const history = await historyOf(stack, 'raced', (await recordWith(stack, 'raced', 'sf', 2)).id);
  expect(JSON.stringify(history)).toContain('from hs');
  // An edit of another field stays.
  expect(await both(3)).toEqual(['from sf|from sf', 'from sf|from sf']);
  expect(await hs.value('SELECT kind FROM raced WHERE id = 3')).toBe('edited');

  // An edit that the source never gives, because its filter leaves it out, holds up the record once and not for ever.
  await sf.query(`UPDATE raced SET name = 'again' WHERE id = 3`);
  await hs.query(`UPDATE raced SET name = 'unread' WHERE id = 3`);
  const left = await runCycle(stack, 'raced');
  expect(left.to['hs']?.stats.skippedBy).toMatchObject({ edited: 1 });
  const next = await runCycle(stack, 'raced');
  expect(next.to['hs']?.stats).toMatchObject({ updated: 1, skipped: 0 });
  expect(await both(3)).toEqual(['again|from sf', 'again|from sf']);
  await expectSettled(stack, 'raced', tables);
});

test.concurrent('a record that is there, but not read yet, gets no copy: it is found as it would attach', async () => {
  const { stack, sf, hs } = bench;
  for (const db of [sf, hs]) await makeTable(db, 'there', 'code text, name text, note text');
  const fields = { code: 'code', name: 'name' };
  const source = (connection: string) =>
    tableSource(connection, 'there', {
      attach: [[{ field: 'code', caseInsensitive: true, trim: true }], ['name']],
      fields,
    });
  await putEntity(stack, 'there', {
    fields: { code: 'text', name: 'text' },
    sources: { sf: source('sf'), hs: source('hs') },
    authority: { code: 'latest', name: 'latest' },
    destinations: {
      hs: { destination: { connection: 'hs', stream: 'public.there' }, mode: 'upsert', fields },
    },
  });
  await sf.query(`INSERT INTO there VALUES (1, 'a', 'A')`);
  await hs.query(`INSERT INTO there VALUES (6, 'z', 'Z')`);
  await runCycle(stack, 'there');
  // Made there since it was read, with times that no further read reaches. Two of them are equal by the rule.
  await hs.query(`INSERT INTO there (id, code, name, note, changed) VALUES (7, ' B ', 'old', 'mine', '2000-01-01'),
    (8, 'x', 'C', 'mine', '2000-01-01'), (9, 'd', 'D1', null, '2000-01-01'), (10, 'D', 'D2', null, '2000-01-01')`);
  await sf.query(
    `INSERT INTO there VALUES (2, 'b', 'B'), (3, 'c', 'C'), (4, 'd', 'D'), (5, 'e', 'E')`,
  );
  const first = await runCycle(stack, 'there');
  expect(first.to['hs']?.stats).toMatchObject({ created: 1, skipped: 2, errors: 1 });
  expect(first.to['hs']?.stats.skippedBy).toMatchObject({ edited: 2 });
  const second = await runCycle(stack, 'there');
  expect(second.to['hs']?.stats).toMatchObject({ created: 0, updated: 2 });
  expect(await hs.query('SELECT id, code, name, note FROM there ORDER BY id')).toEqual([
    { id: '6', code: 'z', name: 'Z', note: null },
    { id: '7', code: 'b', name: 'B', note: 'mine' },
    { id: '8', code: 'c', name: 'C', note: 'mine' },
    { id: '9', code: 'd', name: 'D1', note: null },
    { id: '10', code: 'D', name: 'D2', note: null },
    { id: '1000', code: 'a', name: 'A', note: null },
    { id: '1001', code: 'e', name: 'E', note: null },
  ]);
  expect((await recordWith(stack, 'there', 'sf', 2)).ids['hs']).toEqual(['7']);
});
