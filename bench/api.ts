import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { putSync } from '../test/support/bench.ts';
import { createDatabase, type Database } from '../test/support/database.ts';
import { measured } from '../test/support/quota-load.ts';
import { startStrictApiProcess, type RemoteStrictApi } from '../test/support/strict-api-process.ts';
import { pythonUrl } from './contenders/contender.ts';
import { dltPython } from './contenders/dlt.ts';
import { startCluster } from './support/cluster.ts';
import { newFolder } from './support/folder.ts';
import { say } from './support/measure.ts';
import { isWanted, type BenchOptions } from './support/options.ts';
import { readResults, writeResults } from './support/results.ts';
import { startSluice, type Sluice } from './support/sluice.ts';

/** The use that was made of a quota. */
export interface QuotaUse {
  /** `write`: the API was the destination; `read`: it was the source. */
  readonly how: 'write' | 'read';
  readonly by: 'Sluice' | 'dlt';
  /** Calls a second that the API allows. */
  readonly requests: number;
  readonly latencyMs: number;
  /** Worker processes, and as many syncs at once that share the connection. */
  readonly workers: number;
  /** Records a second ÷ (allowed calls a second × 100). */
  readonly used: number;
  /** Share of the answers that were 429. */
  readonly limited: number;
}

/** Results of bench 2. */
export type ApiResults = readonly QuotaUse[];

type Case = Pick<QuotaUse, 'how' | 'by' | 'requests' | 'latencyMs' | 'workers'>;

/** Records in one call. */
const batch = 100;
/** The first calls after a start are left out. */
const [skipMs, measureMs] = [2000, 15_000];
/** More than are read in that time. */
const mostPages = 10_000;

const kinds = [
  { how: 'write', by: 'Sluice', workers: 1, quotas: [10, 100, 1000] },
  { how: 'write', by: 'Sluice', workers: 4, quotas: [10, 100, 1000] },
  { how: 'read', by: 'Sluice', workers: 1, quotas: [10, 100, 1000] },
  { how: 'read', by: 'dlt', workers: 1, quotas: [10, 100] },
] as const;
const cases: readonly Case[] = kinds.flatMap(({ quotas, ...kind }) =>
  quotas.flatMap((requests) => [5, 50, 500].map((latencyMs) => ({ ...kind, requests, latencyMs }))),
);

/** Bench 2: how much of an API's quota is used. `--only 10,100` measures only those quotas. */
export async function benchApi(options: BenchOptions): Promise<void> {
  const cluster = await startCluster();
  const results: QuotaUse[] = [
    ...((options.add ? readResults<ApiResults>('api')?.data : undefined) ?? []),
  ];
  try {
    for (const workers of [1, 4]) {
      const sluice = await startSluice({ workers });
      try {
        const wanted = cases.filter(
          (one) =>
            one.workers === workers &&
            (one.by === 'Sluice' || options.peers) &&
            isWanted(options, String(one.requests)),
        );
        for (const one of wanted) {
          const use = { ...one, ...(await measureUse(sluice, one)) };
          const again = results.findIndex((old) => isSame(old, one));
          results.splice(again < 0 ? results.length : again, again < 0 ? 0 : 1, use);
          say(JSON.stringify(use));
          writeResults('api', results, cluster.version);
        }
      } finally {
        await sluice.close();
      }
    }
  } finally {
    await cluster.stop();
  }
}

function isSame(one: Case, other: Case): boolean {
  return (['how', 'by', 'requests', 'latencyMs', 'workers'] as const).every(
    (name) => one[name] === other[name],
  );
}

async function measureUse(sluice: Sluice, one: Case): Promise<Pick<QuotaUse, 'used' | 'limited'>> {
  const { how, requests, latencyMs } = one;
  const quota = { requests, perMs: 1000 };
  const api = await startStrictApiProcess({ latencyMs, keeps: how === 'read' });
  const database = await createDatabase('contacts');
  const calls = Math.ceil((requests * (skipMs + measureMs) * 1.2) / 1000);
  const { connections } = sluice.stack.client;
  await connections.put('api', settings(api.url, one));
  await connections.put('database', { type: 'postgres', url: database.url });
  if (how === 'read') await fill(api, Math.min(calls, mostPages) * batch);
  await api.setQuota(quota);
  const from = Date.now();
  const stop =
    one.by === 'dlt'
      ? await startDlt(api, database)
      : await startSyncs(sluice, one, database, calls * batch);
  const seen = async () => (await api.arrivals()).filter(({ at }) => at >= from);
  while ((await seen()).length === 0) await sleep(50);
  await sleep(skipMs + measureMs);
  const arrivals = await seen();
  await stop();
  await api.close();
  await database.drop();
  const start = (arrivals[0]?.at ?? 0) + skipMs;
  const end = Math.min(start + measureMs, arrivals.at(-1)?.at ?? 0);
  const { perSecond, limited } = measured(arrivals, start, end);
  return { used: perSecond / requests, limited };
}

function settings(
  url: string,
  { requests, latencyMs }: Case,
): { type: 'http' } & Record<string, unknown> {
  // As many calls as are under way at that rate, and some more.
  const ahead = Math.min(500, 8 + Math.ceil((requests * latencyMs * 1.2) / 1000));
  return {
    type: 'http',
    url,
    quota: { requests, per: '1s' },
    streams: {
      contacts: {
        key: 'email',
        read: {
          path: '/contacts',
          records: 'data',
          pagination: { type: 'offset', size: batch, more: 'more', ahead },
        },
        upsert: {
          method: 'POST',
          path: '/contacts/bulk',
          bulk: { size: batch, wrap: 'records', results: 'results' },
        },
      },
    },
  };
}

/** Puts so many records into an API that has no quota yet. */
async function fill(api: RemoteStrictApi, records: number): Promise<void> {
  const put = async (first: number): Promise<void> => {
    const part = Array.from({ length: batch }, (_, index) => first + index);
    const answer = await fetch(`${api.url}/contacts/bulk`, {
      method: 'POST',
      body: JSON.stringify({
        records: part.map((no) => ({ email: `u${no}@x.org`, name: `U${no}` })),
      }),
    });
    if (!answer.ok) throw new Error(`filling the API: ${answer.status}`);
  };
  const firsts = Array.from({ length: Math.ceil(records / batch) }, (_, index) => index * batch);
  while (firsts.length > 0) await Promise.all(firsts.splice(0, 50).map(put));
}

/** Starts a sync for each worker; returns what ends them. */
async function startSyncs(
  sluice: Sluice,
  { how, workers }: Case,
  database: Database,
  records: number,
): Promise<() => Promise<void>> {
  const started: string[] = [];
  for (let no = 0; no < workers; no++) {
    const sync = await declare(sluice, database, how, no, records / workers);
    started.push((await sluice.stack.client.runs.start(sync)).id);
  }
  return async () => {
    for (const id of started) await cancelled(sluice, id);
  };
}

/** Starts dlt's REST client; returns what ends it. */
async function startDlt(api: RemoteStrictApi, database: Database): Promise<() => Promise<void>> {
  const script = fileURLToPath(new URL('contenders/dlt_rest.py', import.meta.url));
  const env = {
    ...process.env,
    API: api.url,
    DESTINATION: pythonUrl(database),
    STATE: newFolder(),
    RUNTIME__DLTHUB_TELEMETRY: 'false',
    RUNTIME__LOG_LEVEL: 'CRITICAL',
  };
  const child = spawn(await dltPython(), [script], { stdio: 'ignore', env });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return async () => {
    child.kill('SIGKILL');
    await ended;
  };
}

let declared = 0;

/** A table of `rows` rows and a sync to the API from it, or the other way round; returns the new sync's id. */
async function declare(
  { stack }: Sluice,
  database: Database,
  how: QuotaUse['how'],
  no: number,
  rows: number,
): Promise<string> {
  const sync = `${how}-${(declared += 1)}`;
  await database.query(`CREATE TABLE contacts${no} (email text PRIMARY KEY, name text)`);
  if (how === 'write')
    await database.query(`INSERT INTO contacts${no}
      SELECT 'u' || n || '@w${no}.org', 'U' || n FROM generate_series(1, ${rows}) n`);
  const table = { connection: 'database', stream: `public.contacts${no}`, key: 'email' };
  const contacts = { connection: 'api', stream: 'contacts', key: 'email' };
  await putSync(stack, sync, {
    source: how === 'write' ? table : contacts,
    destination: how === 'write' ? contacts : table,
    mode: 'upsert',
    fields: { name: 'name' },
  });
  return sync;
}

async function cancelled({ stack }: Sluice, id: string): Promise<void> {
  const { runs } = stack.client;
  if ((await runs.get(id)).finishedAt === null) await runs.act(id, 'cancel').catch(() => undefined);
  while ((await runs.get(id)).finishedAt === null) await sleep(100);
}
