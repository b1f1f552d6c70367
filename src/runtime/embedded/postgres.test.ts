import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Client } from 'pg';
import { afterEach, expect, test } from 'vitest';
import { isAlive } from './process.ts';
import { startEmbeddedPostgres } from './postgres.ts';

const dirs: string[] = [];
const quiet = () => undefined;

afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function folder(mode: number): string {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-postgres-'));
  chmodSync(dir, mode);
  dirs.push(dir);
  return dir;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('a Postgres whose owner was killed is stopped and started again with its data and port', async () => {
  const dir = folder(0o755);
  const module = JSON.stringify(join(import.meta.dirname, 'postgres.ts'));
  const script = `import(${module}).then(async (m) => {
    const { url, pid } = await m.startEmbeddedPostgres({ dir: ${JSON.stringify(dir)}, log: () => {} });
    console.log(JSON.stringify({ url, pid }));
  })`;
  const owner = spawn(process.execPath, ['--import', 'tsx', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(owner.stdout, 'data')) as [Buffer];
  const first = JSON.parse(line.toString()) as { url: string; pid: number };
  await query(first.url, 'create table kept as select 42 as answer');
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  expect(isAlive(first.pid)).toBe(true);

  const second = await startEmbeddedPostgres({ dir, log: quiet });
  try {
    expect(isAlive(first.pid)).toBe(false);
    expect(second.url).toBe(first.url);
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    const durable = `select name, setting from pg_settings
      where name in ('fsync', 'full_page_writes', 'synchronous_commit')`;
    for (const row of await query(second.url, durable))
      expect(row).toMatchObject({ setting: 'on' });
    await expect(query(second.url.replace(/:[^:@]+@/, ':wrong@'), 'select 1')).rejects.toThrow(
      'password',
    );
  } finally {
    await second.stop();
  }
  expect(isAlive(second.pid)).toBe(false);
}, 60_000);

test.runIf(process.getuid?.() === 0)(
  'as root, a folder that the user postgres cannot reach is replaced by one that it can',
  async () => {
    const dir = folder(0o700);
    const lines: string[] = [];
    const server = await startEmbeddedPostgres({ dir, log: (line) => lines.push(line) });
    try {
      await expect(query(server.url, "select 'ada@example.com'::int")).rejects.toThrow(
        'invalid input',
      );
      // R1
      expect(lines.join()).not.toContain('ada@');
      const place = /kept in (.+)\/postgres$/.exec(
        lines.find((line) => line.includes('cannot reach')) ?? '',
      )?.[1];
      expect(place).toBeDefined();
      if (place) dirs.push(place);
    } finally {
      await server.stop();
    }
  },
  60_000,
);

test('a port in use is named', async () => {
  const dir = folder(0o755);
  const server = await startEmbeddedPostgres({ dir, log: quiet });
  try {
    const port = Number(new URL(server.url).port);
    await expect(
      startEmbeddedPostgres({ dir: folder(0o755), port, log: quiet }),
    ).rejects.toMatchObject({ code: 'port_in_use' });
  } finally {
    await server.stop();
  }
}, 60_000);
