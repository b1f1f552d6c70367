import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Connectors } from '../../src/connectors/registry.ts';
import type { Store } from '../../src/store/store.ts';
import { connect, type CallsTo } from './connect.ts';

const connector = `import { defineConnector, z } from 'sluice';
export default defineConnector({
  type: 'notes', title: 'Notes', secrets: [],
  settings: z.strictObject({ token: z.string() }),
  source: { open: () => Promise.reject(new Error('not opened here')) },
  connect: () => ({ check: async () => {}, discover: async () => [], close: async () => {} }),
});
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-connect-'));
  await writeFile(join(folder, 'notes.ts'), connector);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const noCalls: CallsTo = () => () => {
  throw new Error('no call is made');
};

/** Connects a stored connection, as a worker does that has loaded nothing yet. */
function connected(type: string, root: string | undefined, settings = { token: 'secret-token' }) {
  const stored = { id: 'notes', type, settings };
  const store = { catalog: { connection: async () => stored } } as unknown as Store;
  return connect(store, new Connectors(root), 'notes', noCalls);
}

it('loads the connector of a stored connection when it meets it', async () => {
  const { connector: loaded, settings } = await connected('./notes.ts', folder);
  expect(loaded.type).toBe('notes');
  expect(settings).toEqual({ token: 'secret-token' });
});

it('names the connection whose connector cannot be loaded, and says what to do', async () => {
  await expect(connected('./notes.ts', undefined)).rejects.toMatchObject({
    class: 'config',
    code: 'unusable_connector',
    connection: 'notes',
    message: expect.stringMatching(/^connection notes: .*set SLUICE_CONNECTOR_ROOT/),
  });
  await expect(connected('note', folder)).rejects.toMatchObject({
    code: 'unknown_type',
    connection: 'notes',
  });
});

it('refuses settings that the connector does not take, without showing them (R1)', async () => {
  const wrong = { token: 'secret-token', other: 'secret-token' };
  const error = await connected('./notes.ts', folder, wrong).catch((failure: unknown) => failure);
  expect(error).toMatchObject({ code: 'invalid_connection', connection: 'notes' });
  expect(String(error)).not.toContain('secret-token');
});
