import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client as Postgres } from 'pg';
import type { RunView } from '../../src/api/views/run-view.ts';
import { digest } from '../../src/connectors/postgres/catalog/names.ts';
import { syncWorkflowId } from '../../src/model/workflow.ts';
import { expectBalanced } from './bench.ts';
import type { Database } from './database.ts';
import type { Stack } from './stack.ts';
import type { StrictApi } from './strict-api.ts';
import { withTemporal } from './temporal-history.ts';

/** One change of a destination. */
export interface Change {
  readonly operation: 'create' | 'update' | 'remove';
  readonly key: string;
  /** The sequence number of the source row; null for a removal. */
  readonly seq: string | null;
}

/** The comparison of the changes that a run should have made with those that it made. */
export interface Reckoning {
  /** Changes that were due and not made. */
  readonly lost: readonly Change[];
  /** Changes that were made and never due. */
  readonly phantom: readonly Change[];
  /** Changes that were made again. */
  readonly duplicate: readonly Change[];
  /** The number of calls sent again after their answer was lost, to a destination where that is harmless. */
  readonly repeated: number;
}

/** The sequence numbers of records, by key. */
export type Numbers = ReadonlyMap<string, string>;

/** Returns the changes that are due: those that turn `before` into `source`. */
export function changesDue(
  source: Numbers,
  before: Numbers,
  may: { create?: boolean; update?: boolean; remove?: boolean },
): Change[] {
  const changes: Change[] = [];
  for (const [key, seq] of source) {
    const held = before.get(key);
    if (held === undefined && may.create) changes.push({ operation: 'create', key, seq });
    if (held !== undefined && held !== seq && may.update)
      changes.push({ operation: 'update', key, seq });
  }
  if (may.remove)
    for (const key of before.keys())
      if (!source.has(key)) changes.push({ operation: 'remove', key, seq: null });
  return changes;
}

/**
 * Compares the changes that were due with the destination's ledger.
 * @param options.idempotent an update (or a PUT) may arrive twice when its first answer was lost, and then counts as
 *   repeated; a create may not
 */
export function reckon(
  due: readonly Change[],
  made: readonly Change[],
  { idempotent = false }: { idempotent?: boolean } = {},
): Reckoning {
  const open = new Map(due.map((change) => [nameOf(change), change]));
  const done = new Map<string, Change>();
  const phantom: Change[] = [];
  const duplicate: Change[] = [];
  let repeated = 0;
  for (const change of made) {
    const name = nameOf(change);
    const first = done.get(`${change.key} ${change.seq}`);
    if (open.delete(name)) done.set(`${change.key} ${change.seq}`, change);
    else if (first === undefined) phantom.push(change);
    // A repeated PUT of a new record looks like an update without changes.
    else if (idempotent && change.operation !== 'create') repeated += 1;
    else duplicate.push(change);
  }
  return { lost: [...open.values()], phantom, duplicate, repeated };
}

function nameOf({ operation, key, seq }: Change): string {
  return `${operation} ${key} ${seq}`;
}

/**
 * Asserts that no change is lost, phantom or duplicate, and that the run's counts are those of the ledger (R10).
 * @param unknown keys that the run reports as `unknown_outcome`; these may be made or not, but never twice
 */
export function expectExact(
  run: RunView,
  due: readonly Change[],
  reckoning: Reckoning,
  imported: number,
  unknown: ReadonlySet<string> = new Set(),
): void {
  const { phantom, duplicate } = reckoning;
  const lost = reckoning.lost.filter(({ key }) => !unknown.has(key));
  const some = (changes: readonly Change[]) => changes.slice(0, 5).map(nameOf);
  assert.deepEqual(
    { lost: some(lost), phantom: some(phantom), duplicate: some(duplicate) },
    { lost: [], phantom: [], duplicate: [] },
    `lost ${lost.length}, phantom ${phantom.length}, duplicate ${duplicate.length}: ${JSON.stringify(run)}`,
  );
  expectBalanced(run);
  const count = (name: Change['operation']) =>
    due.filter(({ operation, key }) => operation === name && !unknown.has(key)).length;
  const { stats, status, failure } = run;
  assert.deepEqual(
    {
      status,
      failure,
      imported: stats.imported,
      created: stats.created,
      updated: stats.updated,
      removed: stats.removed,
      unchanged: stats.unchanged,
      errors: stats.errors + stats.removeErrors,
    },
    {
      status: 'completed',
      failure: null,
      imported,
      created: count('create'),
      updated: count('update'),
      removed: count('remove'),
      unchanged: imported - count('create') - count('update') - unknown.size,
      errors: unknown.size,
    },
  );
}

/** A table's own record of every change, written in the transaction of the change. */
export interface Audit {
  /** Returns the committed changes since the audit began or was last cleared, in order. */
  changes(): Promise<Change[]>;
  clear(): Promise<void>;
}

/** Makes `table` of `public` record every change of a row, by its columns `key` and `seq`. */
export async function auditTable(
  db: Database,
  table: string,
  { key = 'id', seq = 'seq' }: { key?: string; seq?: string } = {},
): Promise<Audit> {
  const log = `public.${table}_audit`;
  await db.query(`
    CREATE TABLE ${log} (no bigint GENERATED ALWAYS AS IDENTITY, operation text, key text, seq text);
    CREATE FUNCTION public.${table}_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF TG_OP = 'DELETE' THEN
        INSERT INTO ${log} (operation, key) VALUES ('remove', OLD.${key}::text);
      ELSE
        INSERT INTO ${log} (operation, key, seq)
        VALUES (CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'update' END, NEW.${key}::text, NEW.${seq}::text);
      END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON public.${table}
      FOR EACH ROW EXECUTE FUNCTION public.${table}_note()`);
  return {
    changes: async () =>
      (await db.query(`SELECT operation, key, seq FROM ${log} ORDER BY no`)) as unknown as Change[],
    clear: async () => void (await db.query(`TRUNCATE ${log}`)),
  };
}

/** Returns the changes that a strict API has made, from its own log. */
export function apiChanges(api: Pick<StrictApi, 'log'>, field = 'seq'): Change[] {
  return api.log.map(({ operation, key, fields }) => ({
    operation,
    key,
    seq: operation === 'remove' ? null : String(fields[field]),
  }));
}

/** Returns the sequence numbers of a table of `public`, by key. */
export async function numbersOf(
  db: Database,
  table: string,
  { key = 'id', seq = 'seq' }: { key?: string; seq?: string } = {},
): Promise<Map<string, string>> {
  const rows = await db.query(
    `SELECT ${key}::text AS key, ${seq}::text AS seq FROM public.${table}`,
  );
  return new Map(rows.map((row) => [row['key'] ?? '', row['seq'] ?? '']));
}

/** Runs SQL in the state database of a stack. */
export async function queryState(
  { dataDir, databaseUrl }: Pick<Stack, 'dataDir' | 'databaseUrl'>,
  sql: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new Postgres({ connectionString: databaseUrl ?? embeddedUrl(dataDir) });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

function embeddedUrl(dataDir: string): string {
  const file = readFileSync(join(dataDir, 'postgres.json'), 'utf8');
  const { password, port } = JSON.parse(file) as { password: string; port: number };
  return `postgres://sluice:${password}@127.0.0.1:${port}/sluice`;
}

/** Asserts that a finished run has left nothing staged, in the state database or the destination. */
export async function expectTidy(
  stack: Pick<Stack, 'dataDir' | 'databaseUrl'>,
  run: string,
  destination?: Database,
): Promise<void> {
  const [state] = await queryState(
    stack,
    `SELECT (SELECT count(*) FROM staged WHERE run = $1)::int AS staged,
       (SELECT count(*) FROM journal WHERE run = $1)::int AS journal,
       (SELECT count(*) FROM seen_keys WHERE run = $1)::int AS seen`,
    [run],
  );
  assert.deepEqual(state, { staged: 0, journal: 0, seen: 0 });
  if (destination === undefined) return;
  const tables = await destination.query(
    `SELECT relname FROM pg_class
     WHERE relkind = 'r' AND relname ~ '^(_sluice_)?(staged|seen|removal)_${digest(run)}'`,
  );
  assert.deepEqual(tables, [], 'staged tables are left');
  if ((await destination.value(`SELECT to_regclass('sluice.marker')`)) === null) return;
  const markers = `SELECT count(*) FROM sluice.marker WHERE run = '${run}'`;
  assert.equal(await destination.value(markers), '0', 'markers are left');
}

/** Asserts that Temporal has run the sync's workflow once per run, and that none is open. */
export async function expectRunCount(stack: Stack, sync: string): Promise<void> {
  const { runs } = await stack.client.runs.list({ sync, limit: 100 });
  await withTemporal(stack, async ({ workflow }) => {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const statuses: string[] = [];
      const query = `WorkflowId = '${syncWorkflowId(sync)}'`;
      for await (const { status } of workflow.list({ query })) statuses.push(status.name);
      const ended = statuses.filter((name) => !['RUNNING', 'CONTINUED_AS_NEW'].includes(name));
      // Visibility lags behind, and a workflow closes shortly after its run.
      if (ended.length === runs.length && !statuses.includes('RUNNING')) return;
      if (Date.now() > deadline)
        assert.fail(`${runs.length} runs of ${sync}, workflows: ${statuses.join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  });
}
