import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runView } from '../api/views/run-view.ts';
import { noStats } from '../model/outcome.ts';
import type { Run } from '../model/run.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const stats = { ...noStats, imported: 3, created: 2, errors: 1 };
const open: Run = {
  id: 'r1',
  sync: 'customers',
  mode: 'upsert',
  cycle: null,
  parent: null,
  options: {},
  status: 'running',
  phase: 'sync',
  outcome: null,
  stats: { ...noStats, imported: 1 },
  watermark: null,
  startedAt: new Date(0),
  finishedAt: null,
  waitingUntil: null,
  removal: null,
  warnings: [],
  failure: null,
};
const completed: Run = { ...open, status: 'completed', phase: 'close', outcome: 'partial', stats };
const failure = { code: 'credentials', message: 'password refused', connection: 'crm' };
const failed: Run = { ...open, status: 'failed', failure };
const stages = [
  { name: 'read', status: 'done', counts: { shop: 3 } },
  { name: 'attach', status: 'done', counts: { new: 2, byMatch: 1 } },
] as const;
const cycle: Run = {
  ...completed,
  id: 'c1',
  sync: null,
  mode: null,
  stats: { ...noStats, imported: 3, created: 2, updated: 1 },
  cycle: {
    entity: 'account',
    stages,
    more: true,
    missing: [
      {
        source: 'crm',
        since: '2026-01-02T03:04:05.000Z',
        code: 'connection',
        message: 'nobody answers',
        connection: 'c',
      },
    ],
    children: ['r2', 'r3'],
  },
};
const delivered: Run = { ...completed, id: 'r2', sync: 'account.crm', parent: 'c1' };
const undelivered: Run = { ...failed, id: 'r3', sync: 'account.shop', parent: 'c1' };
const error = {
  key: 'a@b',
  operation: 'create',
  code: '23505',
  message: 'taken',
  retryable: false,
};

/** The results of the cycles of entity `account`, one after another, and the options of each start. */
let cycles: { run: Run; children: Run[] }[] = [];
const asked: string[] = [];

/** Answers as the API does: `customers` completes, `broken` fails, `busy` has an open run, others do not exist. */
const answers: Record<string, { status: number; body: unknown }> = {
  'POST /v1/syncs/customers/runs': { status: 202, body: runView(open) },
  'POST /v1/syncs/broken/runs': { status: 202, body: runView(failed) },
  'POST /v1/syncs/busy/runs': { status: 409, body: { code: 'run_open', run: 'r1', detail: '' } },
  'GET /v1/entities/account': { status: 200, body: {} },
  'GET /v1/runs/r1': { status: 200, body: runView(open) },
  'GET /v1/runs/r1/errors': { status: 200, body: { errors: [error], next: null } },
};

let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    const { method, url = '' } = request;
    if (method === 'POST' && url === '/v1/entities/account/runs') {
      request.on('data', (body: Buffer) => asked.push(body.toString()));
      request.on('end', () => {
        const next = cycles.shift();
        const body = next && JSON.stringify(runView(next.run, next.children));
        response.writeHead(202, { 'content-type': 'application/json' }).end(body);
      });
      return;
    }
    if (url.startsWith('/v1/runs/r1/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`event: run\ndata: ${JSON.stringify(runView(completed))}\n\n`);
      return;
    }
    const missing = { status: 404, body: { code: 'not_found', detail: 'There is no such sync.' } };
    const { status, body } = answers[`${method} ${url.split('?')[0]}`] ?? missing;
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.close();
});

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { port } = server.address() as AddressInfo;
  const env = { ...process.env, SLUICE_URL: `http://127.0.0.1:${port}` };
  return new Promise((resolve) => {
    const all = ['--import', 'tsx', main, 'run', ...args];
    execFile(process.execPath, all, { env }, (fault, stdout, stderr) => {
      resolve({ code: fault ? Number(fault.code) : 0, stdout, stderr });
    });
  });
}

it('waits for the end, sums up what was done and exits 0', async () => {
  const { code, stdout, stderr } = await run('customers');
  expect(stdout).toBe(
    'customers completed, partial (run r1, mode upsert)\n' +
      'imported 3: created 2, updated 0, unchanged 0, skipped 0, errors 1; removed 0\n' +
      '  a@b create: 23505 taken\n',
  );
  expect(stderr).toBe('r1 running (sync)\nr1 completed\n');
  expect(code).toBe(0);
}, 30_000);

it('prints the run, and only that, with --json; follows a run that is open', async () => {
  const { code, stdout, stderr } = await run('busy', '--json');
  expect(JSON.parse(stdout)).toEqual(runView(completed));
  expect(stderr).toMatch(/open already: following r1/);
  expect(code).toBe(0);
}, 30_000);

it('exits 1 for a failed run, saying what to do, and 2 for an unknown sync', async () => {
  const { code, stdout } = await run('broken');
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /failed in connection crm: credentials: password refused\n.*sluice check crm/,
  );
  expect(await run('nothing')).toMatchObject({
    code: 2,
    stderr: 'there is no sync or entity "nothing"\n',
  });
}, 30_000);

it('runs cycles of an entity until no source holds more, and exits 1 where a destination failed', async () => {
  const { cycle: view } = cycle;
  const last: Run = { ...cycle, cycle: view && { ...view, more: false } };
  cycles = [
    { run: cycle, children: [delivered, undelivered] },
    { run: last, children: [delivered] },
  ];
  const good = await run('account', '--full');
  expect(good).toMatchObject({ code: 0 });
  expect(asked.splice(0)).toEqual(['{"full":true}', '{}']);
  expect(good.stdout).toMatch(
    /^account completed, partial \(cycle c1\)\n {2}read: shop 3\n {2}attach: new 2, byMatch 1\n {2}crm completed, partial \(run r2, mode upsert\)\n/,
  );
  expect(good.stdout).toMatch(
    / {2}shop failed \(run r3, mode upsert\)\n[^]*try it with: sluice check crm/,
  );
  expect(good.stdout).toMatch(
    / {2}without crm, missing since 2026-01-02T03:04:05.000Z: connection c: connection: nobody answers\n/,
  );
  cycles = [{ run: last, children: [undelivered] }];
  expect(await run('account')).toMatchObject({ code: 1 });
  cycles = [{ run: cycle, children: [delivered] }];
  const { code, stdout } = await run('account', '--once', '--json');
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { entity: 'account', more: true }]);
}, 60_000);

it('refuses a dry run of an entity', async () => {
  expect(await run('account', '--dry-run')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('account is an entity: it has no dry run'),
  });
}, 30_000);
