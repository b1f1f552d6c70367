import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unlimited } from '../../src/connectors/contract/calls.ts';
import type { Memory } from '../../src/connectors/contract/memory.ts';
import { http } from '../../src/connectors/http/http.ts';
import {
  client,
  firstRefresh,
  startTokenServer,
  type TokenServer,
} from '../../src/connectors/kit/testing/token-server.ts';
import { migrate, openDatabase, type Database } from '../../src/store/database/database.ts';
import { createKeyRing } from '../../src/store/sealing/key-ring.ts';
import { openSeal } from '../../src/store/sealing/seal.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { createDatabase, type Database as TestDatabase } from '../support/database.ts';

let made: TestDatabase;
let databases: Database[];
let stores: Store[];
let server: TokenServer;

/** The state databases of two workers: one, by pools of their own. */
beforeAll(async () => {
  made = await createDatabase('tokens');
  databases = [openDatabase(made.url), openDatabase(made.url)];
  await migrate(databases[0] as Database);
  const ring = createKeyRing([randomBytes(32)]);
  stores = [];
  for (const db of databases) stores.push(createStore(db, await openSeal(db, ring)));
  server = await startTokenServer({ rotates: true });
});
afterAll(async () => {
  await server.close();
  await Promise.all(databases.map((db) => db.destroy()));
  await made.drop();
});

it('two workers that renew a rotating token at once spend it once, and keep it sealed', async () => {
  const given = {
    url: server.url,
    auth: {
      type: 'oauth2',
      grant: 'refresh_token',
      tokenUrl: `${server.url}/token`,
      ...client,
      refreshToken: firstRefresh,
    },
    streams: { things: { read: { path: '/things' } } },
  };
  const settings = http.settings.parse(given);
  await stores[0]?.catalog.putConnection({ id: 'hub', type: 'http', settings: given });
  const links = stores.map((store) =>
    http.connect(settings, { connection: 'hub', memory: memoryOf(store) }),
  );
  const rounds = 5;
  for (let round = 0; round < rounds; round += 1) {
    server.expire();
    await Promise.all(links.map((link) => link.check(unlimited)));
  }
  const spent = server.asked().map((form) => form.get('refresh_token'));
  const once = Array.from({ length: rounds - 1 }, (_, at) => `refresh-token-number-${at + 1}`);
  expect(spent).toEqual([firstRefresh, ...once]);
  const [kept] = await made.query('select name, data, version from connection_memory');
  expect(Buffer.from((kept?.['data'] ?? '').slice(2), 'hex').toString('latin1')).not.toContain(
    'refresh-token',
  );
  expect(kept?.['name']).not.toContain('refresh-token');
});

function memoryOf({ memories }: Store): Memory {
  return {
    get: (name) => memories.get('hub', name),
    swap: (name, value, before) => memories.swap('hub', name, value, before),
  };
}
