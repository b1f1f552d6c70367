import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSettings } from '../settings.ts';
import { isAlive } from './process.ts';
import { findTemporalCli } from './temporal-cli.ts';
import { startEmbeddedTemporal } from './temporal.ts';

const quiet = () => undefined;
let dir = '';
let cli = '';

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-temporal-'));
  chmodSync(dir, 0o755);
  const { searchPath, cacheDir, temporalCli } = readSettings();
  cli = await findTemporalCli({
    searchPath,
    cacheDir,
    dataDir: dir,
    log: quiet,
    ...(temporalCli ? { explicit: temporalCli } : {}),
  });
}, 300_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('a workflow outlives the server; a server left running is stopped first', async () => {
  const first = await startEmbeddedTemporal({ cli, dir, headless: true, log: quiet });
  await withClient(first.address, (client) =>
    client.workflow.start('never', { workflowId: 'kept', taskQueue: 'none' }),
  );
  // It is not stopped, as after a kill -9 of its owner.
  const second = await startEmbeddedTemporal({
    cli,
    dir,
    log: quiet,
    dynamicConfig: { 'limit.maxIDLength': 255 },
  });
  try {
    expect(isAlive(first.pid)).toBe(false);
    const status = await withClient(
      second.address,
      async (client) => (await client.workflow.getHandle('kept').describe()).status.name,
    );
    expect(status).toBe('RUNNING');
    expect((await fetch(second.uiUrl ?? '')).status).toBe(200);
  } finally {
    await second.stop();
  }
  expect(isAlive(second.pid)).toBe(false);
}, 90_000);

test('a server that finds a port taken, which was free a moment ago, is started again', async () => {
  const late = join(dir, 'late.sh');
  const refuse = `touch "$0.refused"; echo 'listen tcp: bind: address already in use' >&2; exit 1`;
  writeFileSync(late, `#!/bin/sh\n[ -e "$0.refused" ] || { ${refuse}; }\nexec '${cli}' "$@"\n`);
  chmodSync(late, 0o755);
  const server = await startEmbeddedTemporal({ cli: late, dir, headless: true, log: quiet });
  expect(existsSync(`${late}.refused`)).toBe(true);
  expect(isAlive(server.pid)).toBe(true);
  await server.stop();
}, 90_000);

test('a port in use is refused with the option that changes it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  await expect(startEmbeddedTemporal({ cli, dir, port, log: quiet })).rejects.toMatchObject({
    code: 'port_in_use',
    message: expect.stringContaining('--temporal-port') as string,
  });
  other.close();
});

test('a program that is not the Temporal CLI is refused with the reason', async () => {
  const wanted = findTemporalCli({
    explicit: process.execPath,
    searchPath: '',
    cacheDir: dir,
    dataDir: dir,
    log: quiet,
  });
  await expect(wanted).rejects.toMatchObject({
    code: 'no_temporal_cli',
    message: expect.stringContaining('not the Temporal CLI') as string,
  });
});

async function withClient<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}
