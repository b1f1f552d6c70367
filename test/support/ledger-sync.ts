import assert from 'node:assert/strict';
import type { RunView } from '../../src/api/views/run-view.ts';
import { finished, putSync, type Bench, type SyncInput } from './bench.ts';
import {
  apiChanges,
  auditTable,
  changesDue,
  expectExact,
  expectRunCount,
  expectTidy,
  numbersOf,
  reckon,
  type Change,
  type Numbers,
  type Reckoning,
} from './oracle.ts';
import { startStrictApi, type StrictApi } from './strict-api.ts';

/**
 * The kinds of destinations that the ledger oracle watches: a staging table, the same as a mirror, an API with an
 * idempotent PUT as a mirror, one with POST whose records can be looked up, and one that cannot be read at all.
 */
export const ledgerKinds = ['table', 'table mirror', 'api put', 'api post', 'api blind'] as const;
export type LedgerKind = (typeof ledgerKinds)[number];

/** A sync whose every effect is recorded where it happens. */
export interface LedgerSync {
  readonly id: string;
  readonly kind: LedgerKind;
  /** The API of those kinds that write to one. */
  readonly api?: StrictApi;
  /** Starts a run; returns its id. */
  start(): Promise<string>;
  /**
   * Waits for the run's end and asserts that its result is exact: by the ledger, its stats, the staged rows that it
   * left, and Temporal's count of runs. From then on the destination counts as the state that the next run finds.
   */
  settle(run: string): Promise<Reckoning & { run: RunView; unknown: number }>;
  /** Changes the source: a tenth of its rows get a new number, 100 come, 20 go. */
  touch(): Promise<void>;
  close(): Promise<void>;
}

/** The parts of a destination that the oracle needs. */
interface Watched {
  readonly sync: SyncInput;
  readonly api?: StrictApi;
  readonly idempotent: boolean;
  held(): Promise<Numbers>;
  changes(): Promise<Change[]>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** The ways in which a ledger sync differs from the usual one. */
export interface LedgerOptions {
  /** Rows of the source. Default 110,000 for tables (3 chunks), 5,500 for APIs (2 or more). */
  readonly rows?: number;
  /** The time that an API takes for each answer. Default 0. */
  readonly latencyMs?: number;
  /** Returns the address that the sync uses for the API. Default: the API's own. */
  readonly link?: (url: string) => string | Promise<string>;
}

/**
 * Returns the sync with something new to do. A sync that cannot look up the outcome of its creates starts over with an
 * empty destination when outcomes are unknown, since its next run would update those records, whatever they hold.
 */
export async function carryOn(
  bench: Bench,
  sync: LedgerSync,
  { unknown }: { unknown: number },
  options?: LedgerOptions,
): Promise<LedgerSync> {
  if (sync.kind !== 'api blind' || unknown === 0) {
    await sync.touch();
    return sync;
  }
  await sync.close();
  return ledgerSync(bench, sync.kind, options);
}

let made = 0;

/**
 * Declares a sync between a new source table and a new destination. The destination holds six tenths of the source's
 * rows already, two tenths with an older number, and some rows that the source lacks; that of `api blind` is empty.
 */
export async function ledgerSync(
  bench: Bench,
  kind: LedgerKind,
  { rows, latencyMs = 0, link = (url) => url }: LedgerOptions = {},
): Promise<LedgerSync> {
  const id = `ledger_${(made += 1)}_${kind.replace(' ', '_')}`;
  const count = rows ?? (kind.startsWith('table') ? 110_000 : 5_500);
  await bench.shop.query(`CREATE TABLE ${id} (code text PRIMARY KEY, seq bigint, name text);
    INSERT INTO ${id} SELECT 'k' || lpad(n::text, 9, '0'), n, md5(n::text) FROM generate_series(1, ${count}) n`);
  const watched = kind.startsWith('table')
    ? await watchTable(bench, id, kind, count)
    : await watchApi(bench, id, kind, { rows: count, latencyMs, link });
  await putSync(bench.stack, id, watched.sync);
  let touches = 0;
  return {
    id,
    kind,
    ...(watched.api && { api: watched.api }),
    start: async () => (await bench.stack.client.runs.start(id)).id,
    settle: settler(bench, id, watched),
    touch: async () => {
      touches += 1;
      await bench.shop.query(`UPDATE ${id} SET seq = seq + 1000000 WHERE seq % 10 = 3;
        INSERT INTO ${id} SELECT 'n' || ${touches} || '-' || n, n, 'new' FROM generate_series(1, 100) n;
        DELETE FROM ${id} WHERE code IN (SELECT code FROM ${id} WHERE code LIKE 'k%' ORDER BY code LIMIT 20)`);
    },
    close: () => watched.close(),
  };
}

function settler(bench: Bench, id: string, watched: Watched): LedgerSync['settle'] {
  let before: Promise<Numbers> = watched.held();
  const { mode } = watched.sync;
  const may = { create: true, update: true, remove: mode === 'mirror' };
  return async (runId) => {
    const { client } = bench.stack;
    const run = await finished(client, runId);
    const source = await numbersOf(bench.shop, id, { key: 'code' });
    const due = changesDue(source, await before, may);
    const reckoning = reckon(due, await watched.changes(), watched);
    const unknown = await unknownOutcomes(bench, runId);
    expectExact(run, due, reckoning, source.size, unknown);
    // A run's workflow closes after the run, when everything is tidied up.
    await expectRunCount(bench.stack, id);
    await expectTidy(bench.stack, runId, watched.api ? undefined : bench.crm);
    await watched.clear();
    before = watched.held();
    return { ...reckoning, run, unknown: unknown.size };
  };
}

/** Returns the keys whose creates got lost on the way; any other record error fails the test. */
async function unknownOutcomes({ stack }: Bench, run: string): Promise<Set<string>> {
  const keys = new Set<string>();
  let after: string | undefined;
  do {
    const page = await stack.client.runs.errors(run, { limit: 200, ...(after && { after }) });
    for (const { key, code } of page.errors) {
      assert.equal(code, 'unknown_outcome', `record ${String(key)}`);
      keys.add(String(key));
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
  return keys;
}

async function watchTable(
  { crm }: Bench,
  id: string,
  kind: LedgerKind,
  count: number,
): Promise<Watched> {
  await crm.query(`CREATE TABLE ${id} (code text PRIMARY KEY, seq bigint, name text);
    INSERT INTO ${id} SELECT 'k' || lpad(n::text, 9, '0'), CASE WHEN n % 10 < 6 THEN n ELSE -n END, md5(n::text)
      FROM generate_series(1, ${count}) n WHERE n % 10 < 8;
    INSERT INTO ${id} SELECT 'x' || n, n, 'not in the source' FROM generate_series(1, ${count / 20}) n`);
  const audit = await auditTable(crm, id, { key: 'code' });
  return {
    sync: syncOf(id, 'crm', `public.${id}`, kind === 'table mirror' ? 'mirror' : 'upsert'),
    idempotent: false,
    held: () => numbersOf(crm, id, { key: 'code' }),
    changes: audit.changes,
    clear: audit.clear,
    close: async () => {},
  };
}

async function watchApi(
  { stack }: Bench,
  id: string,
  kind: LedgerKind,
  { rows: count, latencyMs, link }: Required<LedgerOptions>,
): Promise<Watched> {
  const api = await startStrictApi({ key: 'code', unique: false, pageSize: 1000, latencyMs });
  if (kind !== 'api blind') fill(api, count);
  await stack.client.connections.put(id, {
    type: 'http',
    url: await link(api.url),
    timeout: '3s',
    streams: { contacts: { key: 'code', id: 'id', ...calls[kind as keyof typeof calls] } },
  });
  let seen = 0;
  return {
    sync: syncOf(id, id, 'contacts', kind === 'api put' ? 'mirror' : 'upsert'),
    api,
    idempotent: true,
    held: async () =>
      new Map([...api.records.values()].map((one) => [String(one['code']), String(one['seq'])])),
    changes: async () => apiChanges({ log: api.log.slice(seen) }),
    clear: async () => {
      seen = api.log.length;
    },
    close: () => api.close(),
  };
}

const lookup = {
  path: '/contacts/lookup',
  method: 'POST',
  batch: 1000,
  body: { keys: '{keys}' },
  records: 'records',
};
const calls = {
  'api put': {
    lookup,
    upsert: { path: '/contacts/{key}' },
    delete: { path: '/contacts/{key}' },
    read: {
      path: '/contacts',
      records: 'data',
      pagination: { type: 'cursor', size: 1000 },
    },
  },
  'api post': { lookup, create: { path: '/contacts' }, update: { path: '/contacts/{key}' } },
  'api blind': { create: { path: '/contacts' }, update: { path: '/contacts/{key}' } },
};

/** Fills an API as the table is filled; since an API is slower, only a fifth of its records are due. */
function fill(api: StrictApi, count: number): void {
  const put = (code: string, seq: number) =>
    api.records.set(code, { id: code, code, seq, name: 'there before' });
  for (let n = 1; n <= count; n++)
    if (n % 20 < 18) put(`k${String(n).padStart(9, '0')}`, n % 20 < 16 ? n : -n);
  for (let n = 1; n <= count / 50; n++) put(`x${n}`, n);
}

function syncOf(
  table: string,
  connection: string,
  stream: string,
  mode: SyncInput['mode'],
): SyncInput {
  return {
    source: { connection: 'shop', stream: `public.${table}`, key: 'code' },
    destination: { connection, stream, key: 'code' },
    mode,
    fields: connection === 'crm' ? undefined : { seq: 'seq' },
    removal: { guard: false },
  };
}
