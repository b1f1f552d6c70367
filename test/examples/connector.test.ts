import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startGuestSystem, type GuestSystem } from '../../examples/connector/system.ts';
import { expectStats, runSync } from '../support/bench.ts';
import { startStack, type Stack } from '../support/stack.ts';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const config = fileURLToPath(new URL('../../examples/connector/sluice.yaml', import.meta.url));
const token = 'token-of-the-guest-list';
const tooLong = 'X'.repeat(50);
let system: GuestSystem;
let folder: string;
let stack: Stack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-guests-'));
  const rows = Array.from(
    { length: 60 },
    (_, n) => `g${n},${n === 7 ? tooLong : `N${n}`},${n % 5}`,
  );
  await writeFile(join(folder, 'invitations.csv'), ['code,name,table', ...rows, ''].join('\n'));
  system = await startGuestSystem(token);
  // There is no project file: the variable alone says where connectors come from, as for a server and its workers.
  stack = await startStack(undefined, { env: { SLUICE_CONNECTOR_ROOT: dirname(config) } });
}, 120_000);

afterAll(async () => {
  await stack.stop();
  await system.close();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

/** Runs the command line on the project of the example; returns what it printed. */
async function sluice(...args: string[]): Promise<string> {
  const env = {
    ...process.env,
    SLUICE_URL: stack.url,
    GUESTS_URL: system.url,
    GUESTS_TOKEN: token,
    FOLDER: folder,
  };
  const command = [main, ...args, '--config', config, '--json'];
  return (await promisify(execFile)(process.execPath, command, { env })).stdout;
}

/** The report as the sync writes it. */
async function report(): Promise<Record<string, string>[]> {
  return parse(await readFile(join(folder, 'guests.csv'), 'utf8'), { columns: true, bom: true });
}

it('checks and applies a project with a connector beside it', async () => {
  expect(JSON.parse(await sluice('check'))).toEqual({
    connections: [
      { connection: 'guests', ok: true },
      { connection: 'files', ok: true },
    ],
  });
  expect(JSON.parse(await sluice('apply'))).toMatchObject({ connections: ['guests', 'files'] });
});

it('shows the connection without its secret, tries it and tells its streams', async () => {
  const { connections } = stack.client;
  expect(await connections.get('guests')).toEqual({
    id: 'guests',
    type: './connector.ts',
    url: system.url,
    token: '***',
  });
  expect(await (await fetch(`${stack.url}/v1/connections/guests/streams`)).json()).toMatchObject({
    streams: [{ name: 'guests', primaryKey: ['code'] }],
  });
});

it('writes to the system within its quota; a refused record stands alone (R8, R9)', async () => {
  const run = await runSync(stack, 'invite');
  expectStats(run, { imported: 60, created: 59, errors: 1 });
  const { errors } = await stack.client.runs.errors(run.id);
  expect(errors).toMatchObject([{ key: 'g7', code: 'http_422', field: 'name' }]);
  expect(system.guests.size).toBe(59);
  expect(system.guests.get('g8')).toMatchObject({ name: 'N8', note: 'table 3' });
  expectStats(await runSync(stack, 'invite'), { imported: 60, unchanged: 59, errors: 1 });
});

it('reads from the system: everything, then what has changed', async () => {
  expectStats(await runSync(stack, 'report'), { imported: 59, created: 59 });
  expect(await report()).toHaveLength(59);
  const guest = { ...system.guests.get('g8'), name: 'Ada', changed: new Date().toISOString() };
  system.guests.set('g8', guest);
  expectStats(await runSync(stack, 'report'), { imported: 1, updated: 1 });
  expect((await report()).find(({ code }) => code === 'g8')).toEqual(guest);
});

it('refuses a connector that does not fit, and one from elsewhere', async () => {
  const put = (type: string) => stack.client.connections.put('other', { type });
  await expect(put('./system.ts')).rejects.toMatchObject({ code: 'unusable_connector' });
  await expect(put('../demo/demo.ts')).rejects.toThrow('leads out of');
  expect(stack.output()).not.toContain(token);
});
