import assert from 'node:assert/strict';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import type { Json } from '../../../model/json.ts';
import { permissionsOf, type Mode } from '../../../model/mode.ts';
import type { RecordError } from '../../../model/outcome.ts';
import type { StagedLayout } from '../../contract/staging.ts';
import {
  connectDirectly,
  type DirectConnection,
  type DirectStaging,
} from '../../testing/direct.ts';
import { postgres } from '../postgres.ts';

let database: Database;
let connection: DirectConnection;
let runs = 0;

beforeAll(async () => {
  database = await createDatabase('isolate');
  connection = connect(database.url);
});
afterAll(async () => {
  await connection?.close();
  await database?.drop();
});
beforeEach(async () => {
  await database.query('DROP TABLE IF EXISTS holders, items, parents CASCADE');
});

function connect(url: string): DirectConnection {
  const settings = postgres.settings.parse({ url });
  return connectDirectly(postgres, settings, { connection: 'crm' });
}

/** A run over the table `items`, whose first field is the key. */
class Run {
  readonly id = `r${(runs += 1)}`;
  readonly #destination: DirectStaging;
  readonly #layout: StagedLayout;
  #chunk = 0;

  private constructor(destination: DirectStaging, layout: StagedLayout) {
    this.#destination = destination;
    this.#layout = layout;
  }

  static async open(fields: readonly string[], mode: Mode = 'upsert', from = connection) {
    const destination = await from.destination?.({
      sync: 's',
      stream: 'public.items',
      key: fields.slice(0, 1),
      fields,
      permissions: permissionsOf(mode),
      match: { caseInsensitive: false, trim: false },
      tracked: false,
      options: {},
    });
    if (destination?.kind !== 'staging') throw new Error('not staging');
    const columns = fields.map((name) => ({
      field: { name, type: 'text' as const },
      encoding: 'json' as const,
    }));
    const assign = fields.map((to, at) => ({ to, from: at }));
    return new Run(destination, { columns, key: [0], assign, uniqueKeys: false });
  }

  /** Applies rows as the next chunk; returns its counts, and its errors as "key code field". */
  async send(rows: readonly (readonly (Json | undefined)[])[]) {
    const chunk = { run: this.id, chunk: this.#chunk++, token: 1 };
    async function* staged() {
      yield rows.map((values) => ({ values }));
    }
    await this.#destination.stageRows(chunk, this.#layout, staged());
    const result = await this.#destination.apply(chunk, this.#layout, { dryRun: false });
    return summary(result);
  }

  async remove() {
    const { remove } = await this.#destination.planRemoval(this.id);
    return { planned: remove, ...(await this.#destination.remove(this.id)) };
  }

  /** Ends the run; returns the corrected counts of its chunks. */
  async end() {
    await this.#destination.applyLate(this.id, this.#layout);
    // A repeated call returns the first result.
    const late = await this.#destination.applyLate(this.id, this.#layout);
    const { chunks, corrected } = await this.#destination.applied(this.id);
    assert.deepEqual(corrected, [...late.keys()]);
    await this.#destination.cleanUp(this.id);
    return [...late].map(([chunk, result]) => {
      assert.deepEqual(chunks.get(chunk), result);
      return [chunk, summary(result)];
    });
  }
}

function summary({ stats, errors }: Awaited<ReturnType<DirectStaging['apply']>>) {
  const { imported, created, updated, unchanged, skipped } = stats;
  assert.equal(stats.errors, errors.length);
  assert.equal(imported, created + updated + unchanged + skipped.duplicate + errors.length); // R10
  return { created, updated, unchanged, errors: errors.map(short) };
}

function short({ key, code, field = '-' }: RecordError): string {
  return [...(key ?? []), code, field].map(String).join(' ');
}

const items = async (columns: string) =>
  (await database.query(`SELECT concat_ws(' ', ${columns}) AS row FROM items ORDER BY id`)).map(
    ({ row }) => row,
  );

it.each(['', 'DEFERRABLE INITIALLY DEFERRED'])(
  'writes rows that refer to each other beside bad ones, and not those that refer to a bad one: %s',
  async (deferrable) => {
    await database.query(
      `CREATE TABLE items (id int PRIMARY KEY, boss int REFERENCES items ${deferrable}, pay int CHECK (pay > 0))`,
    );
    const run = await Run.open(['id', 'boss', 'pay']);
    // A chain in which each row refers to the next, and pairs that refer to each other.
    const rows = Array.from({ length: 600 }, (_, at) => [
      at,
      at < 299 ? at + 1 : at < 300 ? null : at < 450 ? at + 150 : at - 150,
      1,
    ]);
    rows[50] = [50, 51, -1];
    rows[350] = [350, 9999, 1];
    const { created, errors } = await run.send(rows);
    const refused = [...Array.from({ length: 50 }, (_, at) => at), 350, 500];
    expect(errors.toSorted()).toEqual(
      ['50 23514 pay', ...refused.map((id) => `${id} 23503 boss`)].toSorted(),
    );
    expect(created).toBe(547);
    expect(await run.end()).toEqual([]);
  },
);

it('writes rows that refer to one of a later chunk when the run ends, and lets a later record stand for them', async () => {
  await database.query('CREATE TABLE items (id int PRIMARY KEY, boss int REFERENCES items)');
  const run = await Run.open(['id', 'boss']);
  const first = await run.send([
    [1, 11],
    [2, 12],
    [3, 99],
    [4, null],
    [5, 11],
  ]);
  expect(first.errors).toEqual(['1 23503 boss', '2 23503 boss', '3 23503 boss', '5 23503 boss']);
  await run.send([
    [11, null],
    [12, 1],
    [5, null],
  ]);
  expect(await run.end()).toEqual([
    [0, { created: 3, updated: 0, unchanged: 0, errors: ['3 23503 boss', '5 23503 boss'] }],
    [1, { created: 3, updated: 0, unchanged: 0, errors: [] }],
  ]);
  expect(await items('id, boss')).toEqual(['1 11', '2 12', '4', '5', '11', '12 1']);
});

it.each(['text UNIQUE', 'text NOT NULL UNIQUE', 'text UNIQUE DEFERRABLE INITIALLY DEFERRED'])(
  'moves unique values between records, beside a true conflict: %s',
  async (type) => {
    await database.query(
      `CREATE TABLE items (id int PRIMARY KEY, slug ${type}, place int NOT NULL UNIQUE);
       INSERT INTO items SELECT i, 'a' || i, i FROM generate_series(1, 300) i; INSERT INTO items VALUES (999, 'taken', 999)`,
    );
    const run = await Run.open(['id', 'slug', 'place']);
    const rows = Array.from({ length: 300 }, (_, at) => {
      const other = (at ^ 1) + 1;
      return [at + 1, at === 6 ? 'taken' : `a${other}`, at < 100 ? at + 1 : other];
    });
    const { updated, errors } = await run.send(rows);
    // A row that wants the value of a row in conflict waits for it in vain.
    expect(errors).toEqual(['7 23505 slug', '8 23505 slug']);
    expect(updated).toBe(298);
    expect(new Set(await items('slug')).size).toBe(301);
  },
);

it('writes updates that refer to a new record, and new ones that take what updates give up', async () => {
  await database.query(
    `CREATE TABLE items (id int PRIMARY KEY, boss int REFERENCES items, slug text UNIQUE, pay int CHECK (pay > 0));
     INSERT INTO items VALUES (1, NULL, 'a', 1), (2, NULL, 'b', 1), (3, NULL, 'c', 1)`,
  );
  const run = await Run.open(['id', 'boss', 'slug', 'pay']);
  const sent = await run.send([
    [1, 10, 'z', 1],
    [2, 1, 'b', -1],
    [10, null, 'a', 1],
    [3, 10, 'c', undefined],
  ]);
  expect(sent).toEqual({ created: 1, updated: 2, unchanged: 0, errors: ['2 23514 pay'] });
});

it('gives the unique value of a removed record to another one', async () => {
  await database.query(
    `CREATE TABLE items (id int PRIMARY KEY, email text UNIQUE); INSERT INTO items VALUES (1, 'a@x'), (2, 'b@x')`,
  );
  const run = await Run.open(['id', 'email'], 'mirror');
  const sent = await run.send([
    [2, 'b@x'],
    [3, 'a@x'],
  ]);
  expect(sent.errors).toEqual(['3 23505 email']);
  expect(await run.remove()).toMatchObject({ planned: 1, removed: 1 });
  expect(await run.end()).toEqual([[0, { created: 1, updated: 0, unchanged: 1, errors: [] }]]);
  expect(await items('id, email')).toEqual(['2 b@x', '3 a@x']);
});

it('removes records that refer to each other, but for those that are needed', async () => {
  await database.query(
    `CREATE TABLE items (id int PRIMARY KEY, boss int REFERENCES items);
     INSERT INTO items SELECT i, NULL FROM generate_series(1, 40) i; UPDATE items SET boss = id % 40 + 1 WHERE id > 20;
     UPDATE items SET boss = id + 10 WHERE id BETWEEN 1 AND 10; UPDATE items SET boss = id - 10 WHERE id BETWEEN 11 AND 20;
     UPDATE items SET boss = NULL WHERE id = 40;
     CREATE TABLE holders (item int REFERENCES items); INSERT INTO holders VALUES (30)`,
  );
  const run = await Run.open(['id', 'boss'], 'mirror');
  await run.send([[0, null]]);
  const { planned, removed, errors } = await run.remove();
  expect(planned).toBe(40);
  expect(errors.map(({ key }) => Number(key?.[0])).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 11 }, (_, at) => at + 30),
  );
  expect(removed).toBe(29);
});

it('blames rows that dangle or break a rule by their field, and one that the database refuses by a function', async () => {
  await database.query(
    `CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents SELECT generate_series(1, 10);
     CREATE TABLE items (id int PRIMARY KEY, parent int REFERENCES parents, name varchar(3) NOT NULL, n int CHECK (n <> 13));
     CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN IF NEW.n = 7 THEN RAISE 'no % here', NEW.name USING ERRCODE = '45000'; END IF; RETURN NEW; END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION refuse()`,
  );
  const run = await Run.open(['id', 'parent', 'name', 'n']);
  const rows: (Json | undefined)[][] = Array.from({ length: 500 }, (_, id) => [id, 1, 'n', 1]);
  rows[3] = [3, 77, 'n', 1];
  rows[4] = [4, 1, 'long', 1];
  rows[5] = [5, 1, null, 1];
  rows[6] = [6, 1, 'n', 13];
  rows[7] = [7, 1, 'n', 7];
  expect(await run.send(rows)).toEqual({
    created: 495,
    updated: 0,
    unchanged: 0,
    errors: ['3 23503 parent', '4 22001 name', '5 23502 name', '6 23514 n', '7 45000 -'],
  });
});

it('shows of a cell that does not convert its field and its shape, never itself (R1)', async () => {
  await database.query('CREATE TABLE items (id int PRIMARY KEY, n int, day date, big int)');
  const destination = await Run.open(['id', 'n', 'day', 'big']);
  const sent = await destination.send([
    [1, '', '2024-01-31', 1],
    [2, 'Hush-77 é', '2024-01-31', 1],
    [3, 1, '31/01/2024', 1],
    [4, 1, null, 3_000_000_000],
    [5, 1, null, 'x'.repeat(100)],
    [6, 1, null, 1],
  ]);
  expect(sent.created).toBe(1);
  expect(sent.errors.toSorted()).toEqual([
    '1 22P02 n',
    '2 22P02 n',
    '3 22008 day',
    '4 22003 big',
    '5 22P02 big',
  ]);
});

it('counts what triggers drop, route and change as what became of it', async () => {
  await database.query(
    `CREATE TABLE items (id int PRIMARY KEY, v text); CREATE TABLE parts (PRIMARY KEY (id)) INHERITS (items);
     INSERT INTO items SELECT i, 'A' FROM generate_series(1, 4) i;
     CREATE OR REPLACE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF NEW.v = 'spam' THEN RETURN NULL; END IF;
       IF NEW.v = 'part' THEN INSERT INTO parts VALUES (NEW.*); RETURN NULL; END IF;
       NEW.v := upper(NEW.v); RETURN NEW;
     END $$;
     CREATE TRIGGER meddle BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION meddle()`,
  );
  const run = await Run.open(['id', 'v']);
  const rows = [
    [1, 'A'],
    [2, 'spam'],
    [3, 'b'],
    [4, null],
    [10, 'spam'],
    [11, 'part'],
    [12, 'c'],
  ];
  expect(await run.send(rows)).toEqual({
    created: 2,
    updated: 2,
    unchanged: 1,
    errors: ['2 not_updated -', '10 not_created -'],
  });
  const fresh = [
    [20, 'spam'],
    [21, 'part'],
    [22, 'part'],
  ];
  expect(await run.send(fresh)).toMatchObject({ created: 2, errors: ['20 not_created -'] });
  expect(await items('id, v')).toEqual([
    '1 A',
    '2 A',
    '3 B',
    '4',
    '11 part',
    '12 C',
    '21 part',
    '22 part',
  ]);
});

it('makes an error of the record that a policy refuses, and a failure of a right that is missing', async () => {
  const role = `clerk_${process.pid}`;
  await database.query(
    `CREATE TABLE items (id int PRIMARY KEY, tenant int); ALTER TABLE items ENABLE ROW LEVEL SECURITY;
     CREATE POLICY own ON items USING (true) WITH CHECK (tenant = 1);
     CREATE ROLE ${role} LOGIN PASSWORD 'p'; GRANT ALL ON SCHEMA sluice TO ${role};
     GRANT ALL ON ALL TABLES IN SCHEMA sluice TO ${role}; GRANT ALL ON items TO ${role}`,
  );
  const clerk = connect(
    Object.assign(new URL(database.url), { username: role, password: 'p' }).href,
  );
  try {
    const rows = Array.from({ length: 100 }, (_, id) => [id, id % 50 === 7 ? 2 : 1]);
    const run = await Run.open(['id', 'tenant'], 'upsert', clerk);
    const { created, errors } = await run.send(rows);
    expect(created).toBe(98);
    expect(errors).toEqual(['7 42501 -', '57 42501 -']);
    await database.query(`REVOKE INSERT ON items FROM ${role}`);
    await expect(run.send([[500, 1]])).rejects.toMatchObject({ code: 'permission_denied' });
  } finally {
    await clerk.close();
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

it('writes records apart where it makes no tables: those that refer to each other land, the others are named', async () => {
  await database.query(
    `CREATE TABLE items (id int PRIMARY KEY, boss int REFERENCES items, name varchar(5), n int CHECK (n > 0));
     CREATE OR REPLACE FUNCTION spam() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN RETURN CASE WHEN NEW.name = 'spam' THEN NULL ELSE NEW END; END $$;
     CREATE TRIGGER spam BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION spam()`,
  );
  const fields = ['boss', 'name', 'n'];
  const destination = await connection.destination?.({
    sync: 's',
    stream: 'public.items',
    key: ['id'],
    fields,
    permissions: permissionsOf('upsert'),
    match: { caseInsensitive: false, trim: false },
    tracked: false,
    options: {},
    kind: 'records',
  });
  if (destination?.kind !== 'records') throw new Error('not records');
  const operation = (kind: 'create' | 'update', id: number, ...values: Json[]) => ({
    operation: kind,
    key: [id],
    id: null,
    values: Object.fromEntries(values.map((value, at) => [fields[at] ?? '', value])),
    idempotencyKey: `${kind}-${id}`,
  });
  const creates = Array.from({ length: 60 }, (_, id) => operation('create', id, id ^ 1, 'n', 1));
  creates[7] = operation('create', 7, null, 'n', -1);
  creates[20] = operation('create', 20, null, 'spam', 1);
  creates[21] = operation('create', 21, null, 'toolong', 1);
  creates[22] = operation('create', 22, null, 'n', 'Hush');
  const results = await destination.write(creates);
  const refused = results.flatMap((result, id) =>
    result.ok ? [] : [`${id} ${result.code} ${result.field ?? '-'}`],
  );
  expect(refused).toEqual([
    '6 23503 boss',
    '7 23514 n',
    '20 not_created -',
    '21 22001 name',
    '22 22P02 n',
    '23 23503 boss',
  ]);
  expect(JSON.stringify(results)).not.toContain('Hush'); // R1
  expect(results[22]).toMatchObject({ message: expect.stringContaining("'aaaa'") as string });
  const updates = [operation('update', 1, 0, 'spam'), operation('update', 99, null, 'n')];
  expect(await destination.write(updates)).toMatchObject([
    { code: 'not_updated' },
    { code: 'not_found' },
  ]);
});
