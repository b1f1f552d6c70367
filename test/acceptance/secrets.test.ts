import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunView } from '../../src/api/views/run-view.ts';
import type { ConnectionInput } from '../../src/api/services.ts';
import { freePort } from '../../src/runtime/embedded/port.ts';
import { syncWorkflowId } from '../../src/model/workflow.ts';
import { finished, putSync, until, type SyncInput } from '../support/bench.ts';
import { sightings, type Remains } from '../support/canaries.ts';
import { createDatabase, type Database } from '../support/database.ts';
import { misbehaviours, startHostileApi } from '../support/hostile-api.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { dumpDatabase } from '../support/state-dump.ts';
import { withTemporal } from '../support/temporal-history.ts';

const execute = promisify(execFile);
const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const mark = Math.random().toString(36).slice(2, 8);
const secret = (name: string): string => `Kanari-${name}-${mark}+/"ß`;

/** A secret for each place of a connection that takes one. */
const secrets = {
  'database password': secret('db'),
  'wrong database password': secret('wrong'),
  'bearer token': secret('bearer').replace('ß', ''),
  'basic password': secret('basic'),
  'header value': secret('header').replace('ß', ''),
  'extra header': secret('extra').replace('ß', ''),
  'query key': secret('query'),
  'client secret': secret('client'),
  'url password': secret('url'),
};
const whole = `Wert ${mark} "quoted"\nnext line`;
/** Values of records that are not keys. */
const values = {
  text: whole,
  'start of the text': `Wert ${mark}`,
  short: `Kurz-${mark}`,
  listed: `Liste-${mark}`,
  filed: `Datei-${mark}`,
};
/** Keys of records. The API may show them as keys of record errors; nothing else may. */
const keys = { key: `Schlüssel.${mark}@example.org`, 'listed key': `Eintrag-${mark}` };

const [oldKey, newKey] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];

let stack: Stack;
let api: Awaited<ReturnType<typeof startHostileApi>>;
let state: Database;
let shop: Database;
let crm: Database;
let folder = '';
let role = '';
const cli: string[] = [];
const problems: string[] = [];

beforeAll(async () => {
  [state, shop, crm, api] = await Promise.all([
    createDatabase('state'),
    createDatabase('shop'),
    createDatabase('crm'),
    startHostileApi([{ email: keys['listed key'], text: values.listed, count: values.listed }]),
  ]);
  folder = mkdtempSync(join(tmpdir(), 'sluice-canaries-'));
  stack = await startStack(undefined, {
    env: { SLUICE_DATABASE_URL: state.url, SLUICE_ENCRYPTION_KEY: `${oldKey},${newKey}` },
  });
  await prepareDatabases();
  await declareConnections();
}, 60_000);
afterAll(async () => {
  await stack?.stop();
  await api.close();
  await Promise.all([state.drop(), shop.drop(), crm.drop()]);
  rmSync(folder, { recursive: true, force: true });
});

test('no secret and no record is left behind by runs that succeed, fail in every way, or are killed (R1)', async () => {
  const ended = await runEverything();
  expect.soft(ended).toMatchObject({
    fine: 'completed ok',
    typed: 'completed partial',
    rows: 'completed partial',
    expression: 'completed partial',
    ledger: 'completed ok',
    login: 'failed credentials',
    listed: 'completed partial',
    api_status400: 'completed partial',
    api_items400: 'completed partial',
    api_status401: 'failed credentials',
    api_redirect: 'failed redirected',
    malformed: 'failed malformed_file',
    cast: 'failed invalid_value',
    killed: 'completed ok',
  });
  await provokeProblems();
  await useCommandLine();
  const { remains, errors } = await collect();
  // A control: the search must find names of syncs, which are everywhere.
  for (const [place, text] of Object.entries(remains))
    expect([place, text.includes(place === 'log' ? 'Sluice' : 'typed')]).toEqual([place, true]);
  expect.soft(sightings({ ...secrets, ...values, ...keys }, remains)).toEqual([]);
  expect
    .soft(sightings({ ...secrets, ...values }, { errors, CLI: withoutWatermarks(cli).join('\n') }))
    .toEqual([]);
  expect(errors).toContain(keys.key);
}, 120_000);

test('the key is rotated under a running Sluice: ledgers stay valid, the old key alone is refused', async () => {
  const before = await stack.client.runs.start('ledger', { full: true });
  expect((await finished(stack.client, before.id)).stats).toMatchObject({ unchanged: 2 });
  const rotated = await rotate(`${newKey},${oldKey}`);
  expect(Number(/^(\d+) values were sealed anew/.exec(rotated)?.[1])).toBeGreaterThan(60);
  const after = await stack.client.runs.start('ledger', { full: true });
  expect((await finished(stack.client, after.id)).stats).toMatchObject({
    imported: 2,
    unchanged: 2,
  });
  // The running stack still has the old key first, so values that it wrote since must be encrypted again.
  await rotate(`${newKey},${oldKey}`);
  expect(await rotate(newKey)).toMatch(/^0 values were sealed anew/);
  const refused =
    /sealed with the encryption key \w{8}, which is not among those given.*SLUICE_ENCRYPTION_KEY/;
  expect(await rotate(oldKey)).toMatch(refused);
  expect(
    await sluice(['worker'], { SLUICE_ENCRYPTION_KEY: oldKey, TEMPORAL_ADDRESS: stack.temporal }),
  ).toMatch(refused);
});

test('a data directory gets a new key; the old one no longer opens it', async () => {
  const dir = join(folder, 'data');
  const key = join(dir, 'key');
  mkdirSync(dir, { mode: 0o711 });
  chmodSync(folder, 0o711);
  writeFileSync(key, `${oldKey}\n`);
  const rotateDir = () =>
    sluice(['rotate-key', '--data-dir', dir], {
      SLUICE_DATABASE_URL: '',
      SLUICE_ENCRYPTION_KEY: '',
    });
  expect(await rotateDir()).toContain('The data directory has a new key');
  const [made, ...more] = readFileSync(key, 'utf8').trim().split(',');
  expect([made === oldKey, more]).toEqual([false, []]);
  // As after an interrupted rotation: the next one continues with the keys that it finds.
  writeFileSync(key, `${newKey},${made}\n`);
  expect(await rotateDir()).toContain('1 value was sealed anew');
  expect(readFileSync(key, 'utf8').trim()).toBe(newKey);
  writeFileSync(key, `${made},${oldKey}\n`);
  expect(await rotateDir()).toContain('not among those given');
});

test('what holds content is readable for its owner only', () => {
  const open = readdirSync(stack.dataDir)
    .filter((name) => /^(key|lock|temporal\.db.*)$/.test(name))
    .filter((name) => (statSync(join(stack.dataDir, name)).mode & 0o077) !== 0);
  expect(open).toEqual([]);
});

async function prepareDatabases(): Promise<void> {
  role = `kanari_${mark}`;
  const password = secrets['database password'].replaceAll("'", "''");
  await shop.query(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD '${password}';
    CREATE TABLE people (email text PRIMARY KEY, text text, short text, at timestamptz DEFAULT now());
    INSERT INTO people VALUES (${quote(keys.key)}, ${quote(values.text)}, ${quote(values.short)}), ('b@x.org', 'b', 'b');
    CREATE VIEW cast_people AS SELECT email, text::int AS text, short FROM people;
    CREATE TABLE many AS SELECT n AS id, ${quote(values.text)} AS text FROM generate_series(1, 30000) n;
    ALTER TABLE many ADD PRIMARY KEY (id)`);
  await crm.query(`CREATE TABLE people (email text PRIMARY KEY, text text, short text);
    CREATE TABLE many (id int PRIMARY KEY, text text);
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON many FOR EACH STATEMENT EXECUTE FUNCTION slow();
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'bad %, %', NEW.short, NEW.text USING ERRCODE = '23514'; END $$;
    CREATE TYPE color AS ENUM ('red')`);
  const tables = Object.entries(faults).map(
    ([name, column]) => `CREATE TABLE ${name} (email text PRIMARY KEY, ${column})`,
  );
  await crm.query(`${tables.join(';')};
    CREATE TRIGGER refuse BEFORE INSERT ON f_raise FOR EACH ROW EXECUTE FUNCTION refuse();
    INSERT INTO f_unique VALUES ('c@x.org', ${quote(values.text)}, ${quote(values.short)});
    CREATE ROLE ${role}_rows LOGIN PASSWORD '${password}';
    GRANT ALL ON people, f_int, f_raise, f_unique TO ${role}_rows`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Tables that refuse the records, each in another way. */
const faults = {
  f_int: 'text int, short text',
  f_date: 'text date, short text',
  f_json: 'text json, short text',
  f_array: 'text int[], short text',
  f_enum: 'text color, short text',
  f_numeric: 'text numeric, short text',
  f_length: 'text varchar(9), short text',
  f_check: 'text text CHECK (length(text) < 5), short text',
  f_unique: 'text text UNIQUE, short text UNIQUE',
  f_foreign: 'text text REFERENCES people, short text',
  f_raise: 'text text, short text',
};

async function declareConnections(): Promise<void> {
  const password = secrets['database password'];
  await put('shop', { type: 'postgres', url: login(shop, role, password) });
  await put('crm', { type: 'postgres', url: login(crm, role, password) });
  await put('rows', { type: 'postgres', url: login(crm, `${role}_rows`, password) });
  await put('wrong', {
    type: 'postgres',
    url: login(crm, role, secrets['wrong database password']),
  });
  const closed = new URL(login(crm, role, password));
  closed.port = String(await freePort());
  await put('refused', { type: 'postgres', url: closed.href });
  await put('files', { type: 'file', path: folder });
  writeFileSync(
    join(folder, 'good.jsonl'),
    `${JSON.stringify({ email: 'a', text: values.filed })}\n`,
  );
  writeFileSync(join(folder, 'bad.jsonl'), `{"email": "a", "text": ${values.filed}}\n`);
  for (const [name, auth] of Object.entries(auths())) {
    for (const how of ['ok', 'list', ...misbehaviours])
      await put(`${name}_${how}`, apiConnection(auth, how));
  }
}

function put(id: string, connection: ConnectionInput): Promise<unknown> {
  return stack.client.connections.put(id, connection);
}

function login(database: Database, user: string, password: string): string {
  const url = new URL(database.url);
  url.username = user;
  url.password = encodeURIComponent(password);
  return url.href;
}

function auths(): Record<string, Record<string, string>> {
  return {
    bearer: { type: 'bearer', token: secrets['bearer token'] },
    basic: { type: 'basic', username: 'ada', password: secrets['basic password'] },
    header: { type: 'header', name: 'X-Api-Key', value: secrets['header value'] },
    query: { type: 'query', name: 'api_key', value: secrets['query key'] },
    oauth2: {
      type: 'oauth2',
      tokenUrl: `${api.url}/status400/token`,
      clientId: 'ada',
      clientSecret: secrets['client secret'],
    },
  };
}

function apiConnection(auth: Record<string, string>, how: string): ConnectionInput {
  const bulk = how === 'items400' && { bulk: { size: 10, results: '', item: 'record' } };
  return {
    type: 'http',
    url: api.url,
    auth,
    headers: { 'X-Extra': secrets['extra header'] },
    timeout: '1s',
    streams: {
      people: {
        key: 'email',
        read: { path: `/${how}/people` },
        upsert: { path: `/${how}/people${bulk ? '' : '/{key}'}`, id: 'id', ...bulk },
      },
    },
  };
}

/** Syncs that are retried for a long time; they are cancelled once their failure is known. */
const endless = new Set(['refused', 'api_status500', 'api_cut', 'api_silent', 'api_status429']);

/** Runs every sync to its end, several at a time, while one goes on whose worker was killed. */
async function runEverything(): Promise<Record<string, string>> {
  const killed = await runKilled();
  const ended: Record<string, string> = {};
  const syncs = Object.entries(allSyncs());
  const lane = async (): Promise<void> => {
    for (let next = syncs.shift(); next !== undefined; next = syncs.shift())
      ended[next[0]] = await runOne(...next);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  return { ...ended, killed: endOf(await finished(stack.client, killed)) };
}

async function runKilled(): Promise<string> {
  await putSync(stack, 'killed', {
    source: { connection: 'shop', stream: 'public.many', key: 'id' },
    destination: { connection: 'crm', stream: 'public.many', key: 'id' },
    mode: 'upsert',
  });
  const { id } = await stack.client.runs.start('killed');
  await until(stack.client, id, ({ stats }) => stats.imported > 0);
  for (const pid of stack.workerPids()) process.kill(pid, 'SIGKILL');
  return id;
}

async function runOne(id: string, spec: SyncInput): Promise<string> {
  await putSync(stack, id, spec);
  const run = await stack.client.runs.start(id);
  if (endless.has(id)) {
    // A short limit is waited for within the activity, which then does not fail.
    if (id === 'api_status429') await sleep(3000);
    else await failedOnce(id);
    await stack.client.runs.act(run.id, 'cancel');
  }
  return endOf(await finished(stack.client, run.id));
}

function endOf({ status, outcome, failure }: RunView): string {
  return [status, failure?.code ?? outcome].filter(Boolean).join(' ');
}

/** A sync of the shop's people, whose watermark is a value. */
function people(destination: string, stream = 'public.people'): SyncInput {
  return {
    source: { connection: 'shop', stream: 'public.people', key: 'email', watermark: 'text' },
    destination: { connection: destination, stream, key: 'email' },
    mode: 'upsert',
    fields: { text: 'text', short: 'short' },
  };
}

function allSyncs(): Record<string, SyncInput> {
  const auth = Object.keys(auths()).filter((name) => name !== 'oauth2');
  const hostile = misbehaviours.map((how, index) => [
    `api_${how}`,
    people(`${auth[index % auth.length]}_${how}`, 'people'),
  ]);
  const typed = Object.keys(faults).map((name) => [
    name === 'f_int' ? 'typed' : `typed_${name}`,
    people('crm', `public.${name}`),
  ]);
  const rows = ['f_raise', 'f_unique', 'f_int'].map((name) => [
    name === 'f_int' ? 'rows' : `rows_${name}`,
    people('rows', `public.${name}`),
  ]);
  return {
    fine: people('crm'),
    ledger: { ...people('query_ok', 'people') },
    expression: { ...people('crm'), fields: { text: { expr: 'string(int(text))' } } },
    login: people('wrong'),
    refused: people('refused'),
    token: people('oauth2_ok', 'people'),
    listed: {
      ...people('crm', 'public.f_int'),
      source: { connection: 'basic_list', stream: 'people', key: 'email' },
      fields: { text: 'count' },
    },
    filed: {
      ...people('crm'),
      source: { connection: 'files', stream: 'good.jsonl', key: 'email' },
      fields: { text: 'text' },
    },
    malformed: {
      ...people('crm'),
      source: { connection: 'files', stream: 'bad.jsonl', key: 'email' },
      fields: { text: 'text' },
    },
    cast: {
      ...people('crm'),
      source: { connection: 'shop', stream: 'public.cast_people', key: 'email' },
    },
    ...(Object.fromEntries([...hostile, ...typed, ...rows]) as Record<string, SyncInput>),
  };
}

/** Waits until an activity of the run has failed and will be retried. */
async function failedOnce(sync: string): Promise<void> {
  await withTemporal(stack, async ({ workflow }) => {
    for (let tries = 0; tries < 300; tries++) {
      const { raw } = await workflow.getHandle(syncWorkflowId(sync)).describe();
      if (raw.pendingActivities?.some(({ lastFailure }) => lastFailure)) return;
      await sleep(100);
    }
    throw new Error(`nothing of ${sync} failed`);
  });
}

/** Sends requests that are refused, with secrets and values in them. */
async function provokeProblems(): Promise<void> {
  const { bearer } = auths();
  const bodies: [string, string][] = [
    [
      'connections/odd',
      JSON.stringify({ type: 'http', url: api.url, auth: { ...bearer, extra: 1 } }),
    ],
    ['connections/odd', JSON.stringify({ type: 'postgres', url: secrets['url password'] })],
    [
      'connections/odd',
      JSON.stringify({
        type: 'http',
        url: `http://a:${encodeURIComponent(secrets['url password'])}@x`,
        streams: {},
      }),
    ],
    ['connections/odd', `{"type": "http", "token": "${secrets['bearer token']}`],
    ['syncs/typed', JSON.stringify({ source: { connection: 'shop' }, text: values.short })],
    ['syncs/typed', `{ "typed": ${values.short} }`],
  ];
  for (const [path, body] of bodies) {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${stack.url}/v1/${path}`, { method: 'PUT', headers, body });
    expect([path, answer.status >= 400]).toEqual([path, true]);
    problems.push(await answer.text());
  }
  // This url is well formed and cannot be parsed.
  await stack.client.connections.put('unreadable', {
    type: 'postgres',
    url: `postgres://ada:${secrets['url password']}%@ho st:x/y`,
  });
  const connections = ['unreadable', 'wrong', 'refused'];
  for (const name of Object.keys(auths()))
    connections.push(
      ...misbehaviours.filter((how) => how !== 'silent').map((how) => `${name}_${how}`),
    );
  for (const id of connections)
    for (const [method, call] of [
      ['POST', 'check'],
      ['GET', 'streams'],
    ] as const) {
      const answer = await fetch(`${stack.url}/v1/connections/${id}/${call}`, { method });
      problems.push(await answer.text());
    }
}

async function useCommandLine(): Promise<void> {
  const { runs } = await stack.client.runs.list({ limit: 100 });
  const partial = runs.find(({ sync }) => sync === 'typed')?.id ?? '';
  const project = join(folder, 'sluice.yaml');
  writeFileSync(
    project,
    `version: 1
connections:
  shop: { type: postgres, url: "\${CANARY_URL}", ssl: "\${CANARY_URL}" }
  api: { type: http, url: "http://127.0.0.1", auth: { type: bearer, token: "\${CANARY_TOKEN}", more: "\${CANARY_TOKEN}" } }
`,
  );
  const commands = [
    ['runs'],
    ['runs', '--json'],
    ['errors', partial],
    ['errors', partial, '--json'],
    ['run', 'typed'],
    ['check', 'wrong'],
    ['validate', '--config', project],
    ['apply', '--config', project],
  ];
  const env = {
    SLUICE_URL: stack.url,
    CANARY_URL: `http://ada:${encodeURIComponent(secrets['url password'])}@x`,
    CANARY_TOKEN: secrets['bearer token'],
  };
  await Promise.all(
    commands.map(async (args) => cli.push(`${args.join(' ')}\n${await sluice(args, env)}`)),
  );
}

function rotate(keyRing: string): Promise<string> {
  return sluice(['rotate-key'], {
    SLUICE_DATABASE_URL: state.url,
    SLUICE_ENCRYPTION_KEY: keyRing,
  });
}

/** Returns what a command prints, whether it succeeds or not. */
async function sluice(args: string[], variables: Record<string, string>): Promise<string> {
  const env = { ...process.env, SLUICE_DATABASE_URL: state.url, ...variables };
  const { stdout, stderr } = await execute(process.execPath, [main, ...args], {
    env,
    cwd: folder,
  }).catch((error: unknown) => error as { stdout: string; stderr: string });
  return `${stdout}\n${stderr}`;
}

/** Returns everything that Sluice left behind; errors of runs are separate, because they may show keys. */
async function collect(): Promise<{ remains: Remains; errors: string }> {
  const get = async (path: string): Promise<string> => (await fetch(`${stack.url}${path}`)).text();
  const { runs } = await stack.client.runs.list({ limit: 100 });
  const { syncs } = JSON.parse(await get('/v1/syncs')) as { syncs: { id: string }[] };
  const { connections } = JSON.parse(await get('/v1/connections')) as {
    connections: { id: string }[];
  };
  const paths = [
    '/openapi.json',
    '/v1/syncs',
    '/v1/connections',
    '/v1/runs?limit=100',
    ...syncs.map(({ id }) => `/v1/syncs/${id}`),
    ...connections.map(({ id }) => `/v1/connections/${id}`),
    ...runs.flatMap(({ id }) => [`/v1/runs/${id}`, `/v1/runs/${id}/events`]),
  ];
  const answers = await Promise.all(paths.map(get));
  const errors = await Promise.all(runs.map(({ id }) => get(`/v1/runs/${id}/errors?limit=200`)));
  const files = readdirSync(stack.dataDir).filter((name) => name.startsWith('temporal.db'));
  return {
    remains: {
      'state database': await dumpDatabase(state.url),
      histories: await histories(),
      'Temporal database': files
        .map((name) => readFileSync(join(stack.dataDir, name)).toString())
        .join('\n'),
      log: stack.output(),
      API: [...withoutWatermarks(answers), ...problems].join('\n'),
    },
    errors: errors.join('\n'),
  };
}

/** Removes the watermarks from shown runs: a watermark is a value when the user has chosen such a field. */
function withoutWatermarks(answers: readonly string[]): string[] {
  return answers.map((text) =>
    text.replaceAll(/"watermark":"(?:[^"\\]|\\.)*"/g, '"watermark":"…"'),
  );
}

/** Returns every event and pending activity of every workflow, with payloads, as bytes. */
async function histories(): Promise<string> {
  const { History } = proto.temporal.api.history.v1;
  const { DescribeWorkflowExecutionResponse } = proto.temporal.api.workflowservice.v1;
  return withTemporal(stack, async ({ workflow }) => {
    const texts: string[] = [];
    for await (const { workflowId, runId } of workflow.list()) {
      const handle = workflow.getHandle(workflowId, runId);
      texts.push(Buffer.from(History.encode(await handle.fetchHistory()).finish()).toString());
      const { raw } = await handle.describe();
      texts.push(Buffer.from(DescribeWorkflowExecutionResponse.encode(raw).finish()).toString());
    }
    return texts.join('\n');
  });
}
