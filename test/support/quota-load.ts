import { setTimeout as sleep } from 'node:timers/promises';
import { putSync, until, type Bench } from './bench.ts';
import type { Arrival } from './strict-limits.ts';
import type { StrictApiOptions } from './strict-api.ts';
import { startStrictApiProcess, type RemoteStrictApi } from './strict-api-process.ts';

/** Syncs that keep one connection to a strict API busy. */
export interface Load {
  readonly api: RemoteStrictApi;
  readonly runs: readonly string[];
  /** Cancels the runs that are still open and stops the API. */
  close(): Promise<void>;
}

/** The load, and the API that gets it. */
export interface LoadOptions {
  readonly api: StrictApiOptions;
  /** The quota that the connection declares; null: none. Default: the API's own. */
  readonly declared?: object | null;
  /** The number of syncs. Default 1. */
  readonly syncs?: number;
  /** The number of records of each sync. */
  readonly records: number;
  /** `lookup` looks up every record and writes none; `write` puts every record. Default write. */
  readonly calls?: 'lookup' | 'write';
}

let loads = 0;

/** Starts syncs from one table to a strict API of its own, with one call a record. */
export async function startLoad(bench: Bench, options: LoadOptions): Promise<Load> {
  const { syncs = 1, records, calls = 'write' } = options;
  loads += 1;
  const name = `load${loads}`;
  const api = await startStrictApiProcess(options.api);
  const { client } = bench.stack;
  const declared = options.declared === undefined ? declare(options.api) : options.declared;
  await client.connections.put(name, {
    type: 'http',
    url: api.url,
    ...(declared !== null && { quota: declared }),
    streams: {
      contacts: {
        key: 'email',
        ...(calls === 'lookup'
          ? { lookup: { path: '/contacts/{key}' }, update: { path: '/contacts/{key}' } }
          : { upsert: { path: '/contacts/{key}' } }),
      },
    },
  });
  await bench.shop.query(`CREATE TABLE ${name} (email text PRIMARY KEY, name text);
    INSERT INTO ${name} SELECT 'u' || n || '@x.org', 'U' || n FROM generate_series(1, ${records}) n`);
  const runs: string[] = [];
  for (let n = 0; n < syncs; n += 1) {
    const sync = `${name}_${n}`;
    await putSync(bench.stack, sync, {
      source: { connection: 'shop', stream: `public.${name}`, key: 'email' },
      destination: { connection: name, stream: 'contacts', key: 'email' },
      mode: calls === 'lookup' ? 'update' : 'upsert',
      fields: { full_name: 'name' },
    });
    runs.push((await client.runs.start(sync)).id);
  }
  return { api, runs, close: () => close(bench, api, runs) };
}

function declare({ quota, concurrency }: StrictApiOptions): object {
  return {
    ...(quota && { requests: quota.requests, per: `${quota.perMs}ms` }),
    ...(concurrency !== undefined && { concurrency }),
  };
}

async function close({ stack }: Bench, api: RemoteStrictApi, runs: readonly string[]) {
  const { client } = stack;
  for (const run of runs) {
    if (['pending', 'running', 'paused'].includes((await client.runs.get(run)).status))
      await client.runs.act(run, 'cancel');
    await until(client, run, ({ finishedAt }) => finishedAt !== null);
  }
  await api.close();
}

/** The calls that a strict API got between two times. */
export interface Measure {
  /** Accepted calls per second. */
  readonly perSecond: number;
  /** The share of calls that were refused. */
  readonly limited: number;
}

/** Measures for `ms`, beginning `skipMs` after the first call. */
export async function measure(api: RemoteStrictApi, skipMs: number, ms: number): Promise<Measure> {
  while ((await api.arrivals()).length === 0) await sleep(50);
  await sleep(skipMs + ms + 100);
  const arrivals = await api.arrivals();
  const from = (arrivals[0]?.at ?? 0) + skipMs;
  return measured(arrivals, from, from + ms);
}

/** Measures the calls from one time up to another. */
export function measured(arrivals: readonly Arrival[], from: number, to: number): Measure {
  const all = arrivals.filter(({ at }) => at >= from && at < to);
  const refused = all.filter(({ limited }) => limited).length;
  return {
    perSecond: ((all.length - refused) * 1000) / (to - from),
    limited: all.length === 0 ? 0 : refused / all.length,
  };
}
