import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Connectors } from '../../connectors/registry.ts';
import type { StoredConnection } from '../../store/catalog.ts';
import type { Store } from '../../store/store.ts';
import { Connections } from './connections.ts';

const connector = `import { defineConnector, z } from 'sluice';
export default defineConnector({
  type: 'notes', title: 'Notes', secrets: ['token'],
  settings: z.strictObject({ token: z.string(), list: z.string() }),
  source: { open: () => Promise.reject(new Error('not opened here')) },
  connect: () => ({ check: async () => {}, discover: async () => [], close: async () => {} }),
});
`;
const settings = { token: 'secret', list: 'all' };

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-connections-'));
  await writeFile(join(folder, 'notes.ts'), connector);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The connections of a server that allows connectors below `root`, and what it has stored. */
function served(root: string | undefined, ...stored: StoredConnection[]) {
  const catalog = {
    connections: async () => stored,
    putConnection: async (connection: StoredConnection) => {
      stored.push(connection);
      return 'created';
    },
  };
  const store = { catalog } as unknown as Store;
  return { connections: new Connections(store, new Connectors(root)), stored };
}

it('hides the secrets of a connector from outside, also before anyone has used it', async () => {
  const { connections } = served(folder, { id: 'notes', type: './notes.ts', settings });
  expect(await connections.list()).toEqual([
    { id: 'notes', type: './notes.ts', token: '***', list: 'all' },
  ]);
});

it('hides every setting where nobody can tell which are secret', async () => {
  const types = ['./notes.ts', './missing.ts', 'unknown'];
  const stored = types.map((type) => ({ id: 'notes', type, settings }));
  const hidden = { id: 'notes', token: '***', list: '***' };
  expect(await served(undefined, ...stored).connections.list()).toEqual(
    types.map((type) => ({ ...hidden, type })),
  );
  expect((await served(folder, ...stored).connections.list()).slice(1)).toEqual(
    types.slice(1).map((type) => ({ ...hidden, type })),
  );
});

it('takes what the connector takes, from below the folder of the operator alone', async () => {
  const allowed = served(folder);
  await allowed.connections.put('notes', { type: './notes.ts', ...settings });
  expect(allowed.stored).toEqual([{ id: 'notes', type: './notes.ts', settings }]);
  const put = (root: string | undefined, type: string, more: object = settings) =>
    served(root).connections.put('notes', { type, ...more });
  await expect(put(folder, './notes.ts', { token: 'secret' })).rejects.toMatchObject({
    code: 'invalid_connection',
  });
  await expect(put(folder, '../notes.ts')).rejects.toMatchObject({ code: 'unusable_connector' });
  await expect(put(undefined, './notes.ts')).rejects.toThrow('set SLUICE_CONNECTOR_ROOT');
  await expect(put(folder, join(folder, 'notes.ts'))).rejects.toMatchObject({
    code: 'unknown_type',
  });
});
