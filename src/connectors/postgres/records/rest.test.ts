import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import { permissionsOf } from '../../../model/mode.ts';
import type { Target } from '../../contract/target.ts';
import {
  connectDirectly,
  type DirectConnection,
  type DirectRecords,
} from '../../testing/direct.ts';
import { postgres } from '../postgres.ts';

let database: Database;
let connection: DirectConnection;

beforeAll(async () => {
  database = await createDatabase('rest');
  await database.query(`CREATE TABLE people (id int PRIMARY KEY, name text,
    size int GENERATED ALWAYS AS (length(name)) STORED, phone text DEFAULT 'none');
    INSERT INTO people (id, name) VALUES (1, 'a')`);
  const settings = postgres.settings.parse({ url: database.url });
  connection = connectDirectly(postgres, settings, { connection: 'crm' });
});
afterAll(async () => {
  await connection?.close();
  await database?.drop();
});

const target: Target = {
  sync: 's',
  stream: 'public.people',
  key: ['id'],
  fields: ['id'],
  rest: true,
  permissions: permissionsOf('upsert'),
  match: { caseInsensitive: false, trim: false },
  tracked: false,
  options: {},
  kind: 'records',
};

it('writes and tells any column of a sync that copies what its records bring', async () => {
  const destination = (await connection.destination?.(target)) as DirectRecords;
  const [found] = (await destination.lookup?.([[1]])) ?? [];
  expect(found?.values).toEqual({ id: '1', name: 'a', phone: 'none' });
  const update = { operation: 'update', key: [1], id: null, values: { phone: '+49' } } as const;
  const results = await destination.write([{ ...update, idempotencyKey: 'r-0-0' }]);
  expect(results).toEqual([{ ok: true }]);
  expect(await database.rows('people')).toEqual(['(1,a,1,+49)']);
});

it('tells and writes columns of any name', async () => {
  await database.query(`CREATE TABLE odd (id int PRIMARY KEY, constructor text, "__proto__" text);
    INSERT INTO odd VALUES (1, 'a', 'p')`);
  const odd = { ...target, stream: 'public.odd' };
  const destination = (await connection.destination?.(odd)) as DirectRecords;
  const [found] = (await destination.lookup?.([[1]], [{}])) ?? [];
  expect(Object.entries(found?.values ?? {})).toEqual([
    ['id', '1'],
    ['constructor', 'a'],
    ['__proto__', 'p'],
  ]);
  const create = { operation: 'create', key: ['none'], id: null, values: {} } as const;
  const results = await destination.write([{ ...create, idempotencyKey: 'r-0-0' }]);
  expect(results).toMatchObject([{ ok: false, field: 'id' }]);
});

it('refuses fields of the sample that the table lacks', async () => {
  const opening = connection.destination?.({ ...target, fields: ['id', 'nane'] });
  await expect(opening).rejects.toMatchObject({ code: 'unknown_field' });
});
