import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import type { JsonObject } from '../../../model/json.ts';
import { permissionsOf } from '../../../model/mode.ts';
import type { Target } from '../../contract/target.ts';
import type { WriteOperation } from '../../contract/records.ts';
import {
  connectDirectly,
  type DirectConnection,
  type DirectRecords,
} from '../../testing/direct.ts';
import { postgres } from '../postgres.ts';

let database: Database;
const open: DirectConnection[] = [];

beforeAll(async () => {
  database = await createDatabase('assigned');
});
afterAll(async () => {
  await Promise.all(open.map((connection) => connection.close()));
  await database?.drop();
});
beforeEach(async () => {
  await database.query(
    `DROP TABLE IF EXISTS people CASCADE; CREATE TABLE people (id bigserial PRIMARY KEY, email text UNIQUE,
       name text DEFAULT 'none', age int CHECK (age < 200))`,
  );
});

async function openTarget(more: Partial<Target> = {}, url = database.url): Promise<DirectRecords> {
  const settings = postgres.settings.parse({ url });
  const connection = connectDirectly(postgres, settings, { connection: 'crm' });
  open.push(connection);
  const destination = await connection.destination?.({
    sync: 's',
    stream: 'public.people',
    key: ['id'],
    id: 'id',
    fields: ['email', 'name', 'age'],
    permissions: permissionsOf('upsert'),
    match: { caseInsensitive: false, trim: false },
    tracked: false,
    options: {},
    ...more,
  });
  if (destination?.kind !== 'records') throw new Error('not records');
  return destination;
}

let operations = 0;
function create(values: JsonObject, more: Partial<WriteOperation> = {}): WriteOperation {
  const idempotencyKey = `run-0-${(operations += 1)}`;
  return { operation: 'create', key: [null], id: null, values, idempotencyKey, ...more };
}

const people = () => database.rows('people');

it('makes one record of a create that several send at once', async () => {
  const some = Array.from({ length: 20 }, (_, at) => create({ email: `p${at}@x`, age: at }));
  const destinations = await Promise.all(Array.from({ length: 4 }, () => openTarget()));
  const results = await Promise.all(destinations.map((each) => each.write(some)));
  for (const result of results) expect(result).toEqual(results[0]);
  expect(await database.value('SELECT count(*) FROM people')).toBe('20');
});

it('updates what a repeated create made, and creates anew what was removed since', async () => {
  const destination = await openTarget();
  const [kept, gone] = [create({ email: 'a@x' }), create({ email: 'b@x' })];
  expect(await destination.write([kept, gone])).toEqual([
    { ok: true, id: '1' },
    { ok: true, id: '2' },
  ]);
  await database.query('DELETE FROM people WHERE id = 2');
  const again = [{ ...kept, values: { email: 'a@x', age: 7 } }, gone];
  const ids = [
    { ok: true, id: '1' },
    { ok: true, id: '3' },
  ];
  expect(await destination.write(again)).toEqual(ids);
  expect(await destination.write(again)).toEqual(ids);
  expect(await people()).toEqual(['(1,a@x,none,7)', '(3,b@x,none,)']);
});

it('tells how the table stores what was written, where the caller asks', async () => {
  await database.query(`CREATE OR REPLACE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN NEW.email := lower(NEW.email); NEW.name := trim(NEW.name); RETURN NEW; END $$;
    CREATE TRIGGER tidy BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION tidy();
    ALTER TABLE people ADD rate numeric(6, 1)`);
  const destination = await openTarget({
    fields: ['email', 'name', 'age', 'rate'],
    twoWay: true,
  });
  const first = create({ email: 'A@x', name: ' Ann ', rate: '7.77' });
  const made = { ok: true, id: '1', stored: { email: 'a@x', name: 'Ann', rate: '7.8' } };
  expect(await destination.write([first])).toEqual([made]);
  // A create whose answer was lost is answered alike.
  expect(await destination.write([first])).toEqual([made]);
  const change = create({ name: ' Bo' }, { operation: 'update', id: '1', key: ['1'] });
  await database.query('UPDATE people SET age = 7');
  // Fields that were not written may be someone's edit, which is still to be read as one.
  expect(await destination.write([change])).toEqual([
    { ok: true, id: '1', stored: { name: 'Bo' } },
  ]);
  const remove = create({}, { operation: 'remove', id: '1', key: ['1'] });
  expect(await destination.write([remove])).toEqual([{ ok: true, id: '1', stored: {} }]);
});

it('leaves what a repeated create made alone where it may not update', async () => {
  const destination = await openTarget({ permissions: permissionsOf('create') });
  const first = create({ email: 'a@x' });
  await destination.write([first]);
  await database.query(`UPDATE people SET name = 'edited'`);
  expect(await destination.write([first])).toEqual([{ ok: true, id: '1' }]);
  expect(await people()).toEqual(['(1,a@x,edited,)']);
});

it('forgets the creates of a run that ends, and of no other', async () => {
  const destination = await openTarget();
  const ends = create({ email: 'a@x' }, { idempotencyKey: 'ends-0-1' });
  const other = create({ email: 'b@x' }, { idempotencyKey: 'ends2-0-1' });
  await destination.write([ends, other]);
  await destination.forget?.('ends');
  await destination.forget?.('ends');
  const noted = await database.query(`SELECT idempotency_key FROM sluice.created ORDER BY 1`);
  const keys = noted.map((row) => row['idempotency_key']).filter((key) => key?.startsWith('ends'));
  expect(keys).toEqual(['ends2-0-1']);
});

it('refuses one, keeps nothing of it, and takes the others', async () => {
  const destination = await openTarget();
  const good = create({ email: 'a@x', name: null });
  const bad = create({ email: 'b@x', age: 900 });
  expect(await destination.write([good, bad])).toMatchObject([
    { ok: true },
    { ok: false, class: 'record', code: '23514', field: 'age' },
  ]);
  expect(await database.value('SELECT count(*) FROM people WHERE name IS NULL')).toBe('1');
});

it.each(['upsert', 'create'] as const)(
  'tells the id of a record that came by the same key meanwhile: %s',
  async (mode) => {
    const destination = await openTarget({ key: ['email'], permissions: permissionsOf(mode) });
    await database.query(`INSERT INTO people (email, age) VALUES ('a@x', 1)`);
    const given = create({ age: 2, id: null }, { key: ['a@x'] });
    expect(await destination.write([given])).toEqual([{ ok: true, id: '1' }]);
    expect(await people()).toEqual([`(1,a@x,none,${mode === 'upsert' ? 2 : 1})`]);
    const found = await destination.lookup?.([['a@x']]);
    expect(found).toMatchObject([{ key: ['a@x'], id: '1' }]);
    const byKey = { ...given, operation: 'update', values: { name: 'n' } } as const;
    expect(await destination.write([byKey])).toEqual([{ ok: true, id: '1' }]);
    const nothing = { ...byKey, id: '1', key: [null], values: {} };
    expect(await destination.write([nothing])).toEqual([{ ok: true, id: '1' }]);
    expect(await people()).toEqual([`(1,a@x,n,${mode === 'upsert' ? 2 : 1})`]);
  },
);

it('takes any kind of id, a record of defaults alone, and says when a table takes none', async () => {
  await database.query(
    `DROP TABLE IF EXISTS things; CREATE TABLE things (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text);
     CREATE OR REPLACE FUNCTION picky() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN RETURN CASE WHEN NEW.email = 'no' THEN NULL ELSE NEW END; END $$;
     CREATE TRIGGER picky BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION picky()`,
  );
  const destination = await openTarget({ stream: 'public.things', fields: ['email'] });
  const given = '0a6f1d3e-0000-4000-8000-000000000001';
  const results = await destination.write([
    create({}),
    create({ email: 'no' }),
    create({ email: null }),
    create({}, { key: [given] }),
  ]);
  expect(results).toMatchObject([
    { ok: true },
    { ok: false, class: 'record', code: 'not_created' },
    { ok: true },
    { ok: true, id: given },
  ]);
  const ids = results.flatMap((result) => (result.ok && result.id ? [result.id] : []));
  const found = await destination.lookup?.(ids.map((id) => [id]));
  expect(found?.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  await expect(openTarget({ id: 'age' })).rejects.toMatchObject({ code: 'invalid_id' });
});

it('says that it knows no repeated create where it may make no tables, and tells ids all the same', async () => {
  const role = `clerk_${process.pid}`;
  await database.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'p'; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
     GRANT SELECT, INSERT, UPDATE, DELETE ON people TO ${role}; GRANT USAGE ON SEQUENCE people_id_seq TO ${role}`,
  );
  const url = Object.assign(new URL(database.url), { username: role, password: 'p' }).href;
  try {
    const destination = await openTarget({}, url);
    expect(destination.idempotentCreate).toBe(false);
    expect(await destination.write([create({ email: 'a@x' })])).toEqual([{ ok: true, id: '1' }]);
    await destination.forget?.('run');
    expect((await openTarget()).idempotentCreate).toBe(true);
  } finally {
    await Promise.all(open.splice(0).map((connection) => connection.close()));
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

it('leaves a record alone that was edited since it was read, where the stream is read too', async () => {
  await database.query(`ALTER TABLE people ADD rate numeric, ADD more json, ADD at timestamptz;
    INSERT INTO people (email, name, age, rate, more, at) SELECT 'p' || n, 'old', 1, 1.50, '{"a":  1}', '2026-01-01 00:00:00.000001+00'
      FROM generate_series(1, 5) n`);
  const fields = ['name', 'age', 'rate', 'more', 'at'];
  const destination = await openTarget({ fields, twoWay: true });
  const before = {
    name: 'old',
    age: 1,
    rate: 1.5,
    more: { a: 1 },
    at: '2026-01-01T00:00:00.000001Z',
  };
  const values = { name: 'new', age: 2, rate: 2.5, more: { a: 2 }, at: '2026-01-02T00:00:00Z' };
  const updates = ['1', '2', '3', '4', '99'].map((id) =>
    create(values, { operation: 'update', id, key: [id], before }),
  );
  // Of the second one an updated field is edited, of the third another one; the fourth update has arrived before.
  await database.query(`UPDATE people SET rate = 7 WHERE id = 2; UPDATE people SET email = 'x' WHERE id = 3;
    UPDATE people SET name = 'new', age = 2, rate = 2.5, more = '{"a":2}', at = '2026-01-02' WHERE id = 4`);
  const results = await destination.write(updates);
  expect(results.map((result) => (result.ok ? 'ok' : result.code))).toEqual([
    'ok',
    'edited',
    'ok',
    'ok',
    'not_found',
  ]);
  expect(await database.query('SELECT id, name, age FROM people ORDER BY id')).toEqual([
    { id: '1', name: 'new', age: '2' },
    { id: '2', name: 'old', age: '1' },
    { id: '3', name: 'new', age: '2' },
    { id: '4', name: 'new', age: '2' },
    { id: '5', name: 'old', age: '1' },
  ]);
  // Null is a value that is held, too.
  const toNull = create(
    { name: null },
    { operation: 'update', id: '1', key: ['1'], before: { name: 'new' } },
  );
  const fromNull = {
    ...toNull,
    idempotencyKey: 'again',
    values: { name: 'b' },
    before: { name: null },
  };
  expect(await destination.write([toNull])).toEqual([
    { ok: true, id: '1', stored: { name: null } },
  ]);
  expect(await destination.write([fromNull])).toEqual([
    { ok: true, id: '1', stored: { name: 'b' } },
  ]);
});

it('knows a repeated write whatever the table made of it, and leaves alone who has edited it since', async () => {
  await database.query(`CREATE OR REPLACE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN NEW.name := upper(NEW.name); NEW.age := NEW.age + 1; RETURN NEW; END $$;
    CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION shout()`);
  const destination = await openTarget({ twoWay: true, run: 'noted' });
  const made = [create({ email: 'a@x', name: 'ann' }), create({ email: 'b@x', name: 'bob' })];
  const first = await destination.write(made);
  expect(first).toEqual([
    { ok: true, id: '1', stored: { email: 'a@x', name: 'ANN' } },
    { ok: true, id: '2', stored: { email: 'b@x', name: 'BOB' } },
  ]);
  await database.query(`UPDATE people SET name = 'edited' WHERE id = 2`);
  const before = await people();
  expect(await destination.write(made)).toEqual(first);
  expect(await people()).toEqual(before);

  const change = { operation: 'update', before: { name: 'ANN', age: null } } as const;
  const values = { name: 'amy', age: 7 };
  const update = create(values, { ...change, id: '1', key: ['1'] });
  const updated = [{ ok: true, id: '1', stored: { name: 'AMY', age: '8' } }];
  expect(await destination.write([update])).toEqual(updated);
  expect(await destination.write([update])).toEqual(updated);
  await database.query(`UPDATE people SET name = 'edited', age = 1 WHERE id = 1`);
  expect(await destination.write([update])).toEqual(updated);
  expect(await people()).toEqual(['(1,a@x,EDITED,2)', '(2,b@x,EDITED,)']);
  // Another run's update is another one; so are all once the run has ended.
  const other = await openTarget({ twoWay: true, run: 'other' });
  expect(await other.write([update])).toMatchObject([{ ok: false, code: 'edited' }]);
  await destination.forget?.('noted');
  expect(await destination.write([update])).toMatchObject([{ ok: false, code: 'edited' }]);
  expect(await database.query('SELECT * FROM sluice.stored')).toEqual([]);
});

it('tells an update that the table does not take from one that meets an edit', async () => {
  await database.query(`INSERT INTO people (email, name) VALUES ('a@x', 'old');
    CREATE OR REPLACE FUNCTION fixed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER fixed BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION fixed()`);
  const destination = await openTarget({ twoWay: true });
  const change = { operation: 'update', id: '1', key: ['1'] } as const;
  const results = [
    ...(await destination.write([create({ name: 'new' }, { ...change, before: { name: 'old' } })])),
    ...(await destination.write([create({ name: 'new' }, { ...change, before: { name: 'was' } })])),
  ];
  expect(results).toMatchObject([
    { ok: false, code: 'not_updated' },
    { ok: false, code: 'edited' },
  ]);
});
