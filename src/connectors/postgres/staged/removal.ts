import type pg from 'pg';
import type { RecordError } from '../../../model/outcome.ts';
import { previewSize } from '../../../model/preview.ts';
import type { RemovalPlan } from '../../contract/target.ts';
import { keptResult, resultOf } from './applied-result.ts';
import type { SluiceTables } from '../catalog/sluice-tables.ts';
import { faultOf } from '../failures/failures.ts';
import { Isolation } from './isolate.ts';
import { ident } from '../catalog/names.ts';
import type { Session } from '../link/session.ts';
import { comparable, equal } from '../values/compare.ts';
import { hasKey, heldKey, keyOf } from '../catalog/table.ts';
import type { Table } from '../catalog/table.ts';
import { removalTies } from './ties.ts';

/** A run whose removals are planned and done, and the place of its tables. */
export interface RemovalRequest {
  readonly session: Session;
  readonly sluiceTables: SluiceTables;
  readonly table: Table;
  readonly run: string;
}

interface Removed {
  readonly removed: number;
  readonly errors: readonly RecordError[];
}

/** The chunk number of a run's removal among its markers. */
export const removalChunk = -1;

/**
 * Stores the keys of the records to remove: those that no chunk held. A record without a key was never matched and
 * stays.
 */
export async function planRemoval({
  session,
  sluiceTables,
  table,
  run,
}: RemovalRequest): Promise<RemovalPlan> {
  const keys = heldKey(table);
  const { target, relation } = table;
  const seen = sluiceTables.seen(target.seenBy ?? run);
  const names = table.key.map((column) => `d.${ident(column.name)}`);
  const tracked = `EXISTS (SELECT 1 FROM ${sluiceTables.tracked} t WHERE t.sync = $1 AND t.stream = $2
    AND t.key = ARRAY[${keys.map((key) => `(${key})::text`).join(', ')}])`;
  const scope = target.tracked ? tracked : '$1::text IS NOT NULL AND $2::text IS NOT NULL';
  const present = names.map((name) => `${name} IS NOT NULL`).join(' AND ');
  const isSeen = hasKey(
    table,
    keys.map((_, at) => `n.k${at}`),
  );
  const columns = names.map((name, at) => `${name} AS k${at}`).join(', ');
  return session.transaction(async (client) => {
    const shape = keys.map((key, at) => `${key} AS k${at}`).join(', ');
    await session.run(
      client,
      `CREATE TABLE IF NOT EXISTS ${seen} AS SELECT ${shape} FROM ${relation.from} d LIMIT 0`,
    );
    await session.run(client, `DROP TABLE IF EXISTS ${sluiceTables.removal(run)}`);
    const empty = `SELECT ${columns} FROM ${relation.from} d LIMIT 0`;
    await session.run(client, `CREATE TABLE ${sluiceTables.removal(run)} AS ${empty}`);
    const pinned = await session.run(
      client,
      `INSERT INTO ${sluiceTables.removal(run)} SELECT ${columns} FROM ${relation.from} d WHERE ${present} AND ${scope}
         AND NOT EXISTS (SELECT 1 FROM ${seen} n WHERE ${isSeen})`,
      [target.sync, target.stream],
    );
    const all = await session.run(
      client,
      `SELECT count(*) AS n FROM ${relation.from} d WHERE ${scope}`,
      [target.sync, target.stream],
    );
    const texts = table.key.map((_, at) => `k${at}::text`).join(', ');
    const order = table.key.map((column, at) => comparable(column, `k${at}`)).join(', ');
    const some = await session.run(
      client,
      `SELECT array_to_json(ARRAY[${texts}]) AS key FROM ${sluiceTables.removal(run)} ORDER BY ${order} LIMIT ${previewSize}`,
    );
    const sample = some.rows.map((row) => JSON.parse(row['key'] ?? '[]') as string[]);
    return { remove: pinned.count, of: Number(all.rows[0]?.['n']), sample };
  });
}

/** Removes the planned records. A repeated call returns the first result. */
export function removePinned(request: RemovalRequest): Promise<Removed> {
  const { session, sluiceTables, run } = request;
  return session.transaction(async (client) => {
    await session.run(client, 'SET CONSTRAINTS ALL IMMEDIATE');
    const marker = [run, removalChunk];
    await session.run(
      client,
      `INSERT INTO ${sluiceTables.marker} (run, chunk) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
      marker,
    );
    const { rows } = await session.run(
      client,
      `SELECT result FROM ${sluiceTables.marker} WHERE run = $1 AND chunk = $2 FOR UPDATE`,
      marker,
    );
    if (rows[0]?.['result']) return resultOf(rows[0]['result']) as Removed;
    const result = await deletePinned(request, client);
    await session.run(
      client,
      `UPDATE ${sluiceTables.marker} SET done_at = now(), result = $3 WHERE run = $1 AND chunk = $2`,
      [...marker, keptResult(result)],
    );
    return result;
  });
}

async function deletePinned(
  { session, sluiceTables, table, run }: RemovalRequest,
  client: pg.PoolClient,
): Promise<Removed> {
  const { relation, target } = table;
  const pinned = sluiceTables.removal(run);
  const faults = sluiceTables.faults({ run, chunk: 0, token: 0 }).replace(/staged_/, 'removal_');
  const same = table.key
    .map((column, at) =>
      equal(column, comparable(column, `d.${ident(column.name)}`), comparable(column, `p.k${at}`)),
    )
    .join(' AND ');
  const whole = `DELETE FROM ${relation.from} d USING ${pinned} p WHERE ${same}`;
  const isolation = new Isolation({
    session,
    client,
    faults,
    target: relation.from,
    ties: removalTies(table, pinned),
  });
  const done = await isolation.run({
    operation: 'remove',
    whole,
    some: (rows) => `${whole} AND p.ctid = ANY(${rows})`,
    rows: `SELECT p.ctid AS "row" FROM ${pinned} p ORDER BY p.ctid`,
    tables: pinned,
  });
  const late = (await isolation.settle()).get('remove') ?? 0;
  const request = { session, sluiceTables, table, run };
  const errors = isolation.faulty ? await faultyKeys(request, client, faults) : [];
  if (target.tracked) {
    const keys = table.key
      .map((column, at) => `(${keyOf(table, column, `p.k${at}`)})::text`)
      .join(', ');
    await session.run(
      client,
      `DELETE FROM ${sluiceTables.tracked} t USING ${pinned} p WHERE t.sync = $1 AND t.stream = $2 AND t.key = ARRAY[${keys}]`,
      [target.sync, target.stream],
    );
  }
  return { removed: done + late, errors };
}

async function faultyKeys(
  { session, sluiceTables, table, run }: RemovalRequest,
  client: Parameters<Session['run']>[0],
  faults: string,
): Promise<RecordError[]> {
  const keys = table.key.map((_, at) => `p.k${at}::text`).join(', ');
  const { rows } = await session.run(
    client,
    `DELETE FROM ${sluiceTables.removal(run)} p USING ${faults} f WHERE p.ctid = f."row"
     RETURNING array_to_json(ARRAY[${keys}]) AS key, f.code, f.message, f.field, f.rule`,
  );
  await session.run(client, `DROP TABLE ${faults}`);
  return rows.map((row) => ({
    key: JSON.parse(row['key'] ?? '[]') as (string | null)[],
    operation: 'remove' as const,
    ...faultOf(row['code'] ?? '', row['message'] ?? '', row['field'], row['rule']),
    retryable: row['code'] === '23503',
  }));
}
