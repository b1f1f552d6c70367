import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { StagedLayout } from '../../src/connectors/contract/staging.ts';
import type { CopyText } from '../../src/connectors/contract/page.ts';
import { postgres } from '../../src/connectors/postgres/postgres.ts';
import {
  connectDirectly,
  type DirectConnection,
  type DirectStaging,
} from '../../src/connectors/testing/direct.ts';
import { createDatabase, type Database } from '../support/database.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { mayAll } from './harness.ts';

const rows = 200_000;
let db: Database;
let proxy: TcpProxy;
let connection: DirectConnection;

beforeAll(async () => {
  db = await createDatabase('network');
  const columns = 'id int PRIMARY KEY, name text';
  await db.query(`CREATE TABLE one (${columns}); CREATE TABLE two (${columns});
    INSERT INTO one SELECT n, repeat(md5(n::text), 4) FROM generate_series(1, ${rows}) n`);
});
afterAll(() => db.drop());

beforeEach(async () => {
  proxy = await startProxy(new URL(db.url).host);
  const url = proxy.through(db.url);
  const settings = postgres.settings.parse({ url, statementTimeout: '1s', timeout: '500ms' });
  connection = connectDirectly(postgres, settings, { connection: 'db' });
});
afterEach(async () => {
  await quickly(connection.close());
  await proxy.close();
});

test('a link that is silent from the start, or while a statement runs, is given up', async () => {
  proxy.stall();
  await expect(quickly(connection.check())).rejects.toMatchObject(lost);
  proxy.pass();
  await connection.check();
  proxy.stall();
  await expect(quickly(connection.check())).rejects.toMatchObject(lost);
  await expect(quickly(connection.discover())).rejects.toMatchObject(lost);
  proxy.pass();
  await connection.check();
});

test('a COPY out of a link that falls silent is given up', async () => {
  const reading = drain(await page());
  await until(() => proxy.answered() > 1 << 20);
  proxy.stall();
  await expect(quickly(reading)).rejects.toMatchObject(lost);
});

test('a COPY out that is cut in the middle fails; it never passes for the end', async () => {
  const copy = await page();
  const cut = proxy.cutAfter(1 << 20);
  await expect(quickly(drain(copy))).rejects.toMatchObject({ class: 'transient' });
  await cut;
});

test('a COPY into a link that falls silent is given up', async () => {
  const into = await destination();
  let sent = 0;
  const staging = into.stageCopy(
    chunk(1),
    layout,
    endless(() => (sent += 1)),
  );
  await until(() => sent > 50);
  proxy.stall();
  await expect(quickly(staging)).rejects.toMatchObject(lost);
});

test('an abort ends a COPY into a silent link at once, and the wait for a connection', async () => {
  const into = await destination();
  const stop = new AbortController();
  let sent = 0;
  const staging = into.stageCopy(
    chunk(1),
    layout,
    endless(() => (sent += 1)),
    stop.signal,
  );
  await until(() => sent > 50);
  proxy.stall();
  const waiting = into.stageCopy(
    chunk(2),
    layout,
    endless(() => 0),
    stop.signal,
  );
  const began = Date.now();
  stop.abort(new Error('stopped'));
  const ends = await Promise.allSettled([staging, waiting]);
  expect(ends.map((end) => end.status === 'rejected' && end.reason === stop.signal.reason)).toEqual(
    [true, true],
  );
  expect(Date.now() - began).toBeLessThan(400);
});

test('a source that fails in the middle of a COPY leaves nothing staged, and the failure is its own', async () => {
  const into = await destination();
  const copy = { fields, bytes: () => failing() };
  await expect(into.stageCopy(chunk(1), layout, copy)).rejects.toThrow('source failed');
  await expect(into.apply(chunk(1), layout, { dryRun: false })).rejects.toMatchObject({
    code: 'staging_lost',
  });
});

test('a COMMIT whose answer is lost, and one that never arrives, end in the same result (R5, R6)', async () => {
  const into = await destination();
  const both = ['loseAnswerTo', 'loseRequest'] as const;
  for (const [at, lose] of both.entries()) {
    await db.query('TRUNCATE two');
    const reference = { run: `commit${at}`, chunk: 0, token: 1 };
    const staged = proxy[lose](/COMMIT/);
    await expect(into.stageCopy(reference, layout, lines(3))).rejects.toMatchObject(transient);
    await staged;
    await into.stageCopy({ ...reference, token: 2 }, layout, lines(3));
    const applied = proxy[lose](/COMMIT/);
    const apply = () => into.apply({ ...reference, token: 2 }, layout, { dryRun: false });
    await expect(apply()).rejects.toMatchObject(transient);
    await applied;
    expect(await db.value('SELECT count(*) FROM two')).toBe(lose === 'loseAnswerTo' ? '3' : '0');
    expect((await apply()).stats).toMatchObject({ imported: 3, created: 3, unchanged: 0 });
    expect((await apply()).stats).toMatchObject({ imported: 3, created: 3, unchanged: 0 });
    expect(await db.value('SELECT count(*) FROM two')).toBe('3');
  }
});

const transient = { class: 'transient', connection: 'db' };
const lost = { ...transient, message: expect.stringMatching(/silent|link/) as string };
const fields = [
  { name: 'id', type: 'integer', native: 'integer' },
  { name: 'name', type: 'text', native: 'text' },
] as const;
const layout: StagedLayout = {
  columns: fields.map((field) => ({ field, encoding: 'sql' })),
  key: [0],
  assign: [{ to: 'name', from: 1 }],
  uniqueKeys: true,
};

function chunk(no: number) {
  return { run: 'network', chunk: no, token: 1 };
}

async function page(): Promise<CopyText> {
  const request = { stream: 'public.one', key: ['id'], options: {} };
  const source = await connection.source(request);
  const limit = { records: rows, bytes: 1 << 30, record: 1 << 24 };
  const read = { cursor: null, since: null, until: null, fields: ['id', 'name'], limit };
  return (await source.read(read)).copy as CopyText;
}

async function destination(): Promise<DirectStaging> {
  return (await connection.destination?.({
    sync: 'network',
    stream: 'public.two',
    key: ['id'],
    fields: ['name'],
    permissions: mayAll,
    match: { caseInsensitive: false, trim: false },
    tracked: false,
    options: {},
  })) as DirectStaging;
}

async function drain(copy: CopyText): Promise<void> {
  for await (const _ of copy.bytes());
}

function endless(sent: () => number): CopyText {
  const text = Buffer.from(Array.from({ length: 1000 }, (_, n) => `${n}\tname\n`).join(''));
  return {
    fields,
    async *bytes() {
      for (;;) {
        sent();
        yield text;
        await new Promise(setImmediate);
      }
    },
  };
}

function lines(count: number): CopyText {
  const text = Array.from({ length: count }, (_, n) => `${n}\tname\n`).join('');
  return {
    fields,
    async *bytes() {
      yield Buffer.from(text);
    },
  };
}

async function* failing(): AsyncGenerator<Buffer> {
  yield Buffer.from('1\tname\n');
  await Promise.resolve();
  throw new Error('source failed');
}

/** Within twice the declared time-outs: 3 s here. */
async function quickly<T>(work: Promise<T>): Promise<T> {
  const limit = new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error('it hangs')), 3_500).unref(),
  );
  return Promise.race([work, limit]);
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}
