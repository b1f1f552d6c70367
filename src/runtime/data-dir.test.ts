import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encryptionKeys, openDataDir, writeEncryptionKeys } from './data-dir.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-data-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a living owner is named with its URL; its death frees the directory', async () => {
  const dir = join(root, 'data');
  const script = `import(${JSON.stringify(join(import.meta.dirname, 'data-dir.ts'))}).then((m) => {
    m.openDataDir(${JSON.stringify(dir)}).recordUrl('http://127.0.0.1:1234');
    console.log('open');
    setInterval(() => {}, 1000);
  })`;
  const owner = spawn(process.execPath, ['--import', 'tsx', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(owner.stdout, 'data');
  const inUse = {
    code: 'data_dir_in_use',
    message: expect.stringMatching(`process ${owner.pid} .*http://127.0.0.1:1234`) as string,
  };
  expect(() => openDataDir(dir)).toThrow(expect.objectContaining(inUse) as Error);
  owner.kill('SIGKILL');
  await once(owner, 'exit');

  const taken = openDataDir(dir);
  expect(() => openDataDir(dir)).toThrow(`process ${process.pid}`);
  taken.release();
  openDataDir(dir).release();
}, 20_000);

test('a lock whose process id now belongs to another process is stale', () => {
  writeFileSync(join(root, 'lock'), JSON.stringify({ pid: process.ppid, started: '1' }));
  const taken = openDataDir(root);
  expect(taken.path).toBe(root);
  taken.release();
});

test('the encryption key is made once, for its owner only', () => {
  const key = encryptionKeys(root);
  expect(key.map(({ length }) => length)).toEqual([32]);
  expect(encryptionKeys(root)).toEqual(key);
  expect(statSync(join(root, 'key')).mode & 0o777).toBe(0o600);
  const both = [Buffer.alloc(32, 7), ...key] as const;
  writeEncryptionKeys(root, both);
  chmodSync(join(root, 'key'), 0o644);
  expect(encryptionKeys(root)).toEqual(both);
  expect(statSync(join(root, 'key')).mode & 0o777).toBe(0o600);
  writeFileSync(join(root, 'key'), 'broken');
  expect(() => encryptionKeys(root)).toThrow('32 bytes');
});
