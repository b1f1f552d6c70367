import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-cli-'));
  const connection =
    'connections:\n  shop: { type: postgres, url: "postgres://u@localhost/shop" }\n';
  await writeFile(join(folder, 'good.yaml'), `version: 1\n${connection}`);
  await writeFile(join(folder, 'bad.yaml'), `version: 3\n${connection}`);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function sluice(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', main, ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

it('validate exits 0 for a valid project', async () => {
  const { code, stdout } = await sluice(
    'validate',
    '--config',
    join(folder, 'good.yaml'),
    '--json',
  );
  expect(JSON.parse(stdout)).toEqual({ valid: true, connections: 1, syncs: 0, entities: 0 });
  expect(code).toBe(0);
}, 30_000);

it('validate exits 2 and prints the problems for an invalid one', async () => {
  const file = join(folder, 'bad.yaml');
  const text = await sluice('validate', '--config', file);
  expect(text).toMatchObject({ code: 2, stdout: '', stderr: `${file}:1:1 version: must be 1\n` });
  const json = await sluice('--config', file, '--json', 'validate');
  expect(json.code).toBe(2);
  expect(JSON.parse(json.stdout)).toEqual({
    valid: false,
    problems: [{ path: 'version', line: 1, column: 1, message: 'must be 1' }],
  });
}, 30_000);

it('exits 2 for wrong usage', async () => {
  expect(await sluice('validate', '--nonsense')).toMatchObject({ code: 2 });
  expect(await sluice('dance')).toMatchObject({ code: 2 });
  expect(await sluice('--help')).toMatchObject({ code: 0 });
}, 30_000);

it('loads connectors beside the project file; a server only from where its operator says', async () => {
  const connector = `import { defineConnector, z } from 'sluice';
export default defineConnector({
  type: 'notes', title: 'Notes', secrets: [], settings: z.strictObject({}),
  source: { open: () => Promise.reject(new Error('not opened here')) },
  connect: () => ({ check: async () => {}, discover: async () => [], close: async () => {} }),
});\n`;
  await writeFile(join(folder, 'notes.ts'), connector);
  const file = join(folder, 'own.yaml');
  await writeFile(file, 'version: 1\nconnections:\n  notes: { type: ./notes.ts }\n');
  expect(await sluice('validate', '--config', file)).toMatchObject({ code: 0, stderr: '' });
  expect(await sluice('check', '--config', file)).toMatchObject({ code: 0, stderr: '' });
  const { code, stderr } = await sluice('server', '--config', file);
  expect(stderr).toContain(`${file}:3:12 connections.notes.type: ./notes.ts is no part of Sluice`);
  expect(stderr).toContain('set SLUICE_CONNECTOR_ROOT');
  expect(code).toBe(2);
}, 30_000);
