import type { ChunkRef } from '../../contract/staging.ts';
import { literal } from '../catalog/names.ts';
import type { StageRef } from './stage-ref.ts';

/** The chunk number, among a run's markers, of the rows that are tried again at the run's end. */
export const lateChunk = -2;

/** Returns the rows of a run that are tried again at its end, as a staged chunk. */
export function lateRef(run: string): ChunkRef {
  return { run, chunk: lateChunk, token: 0 };
}

/**
 * Keeps the rows of a chunk that may still succeed once the run has written, or removed, other records: rows that refer
 * to a record which does not exist yet, or want a value that another record holds. Each is kept with its chunk and the
 * index of its error among the chunk's errors.
 * @param first the index of the first error; the errors of the rows at fault follow in the order of the rows
 */
export async function keepLate(at: StageRef, first: number): Promise<void> {
  const { session, client, sluiceTables, chunk, sql } = at;
  if (chunk.chunk === lateChunk) return;
  const faults = sluiceTables.faults(chunk);
  const may = `f.again AND f.code LIKE '23%'`;
  const { count } = await session.run(client, `SELECT FROM ${faults} f WHERE ${may} LIMIT 1`);
  if (count === 0) return;
  const staged = sluiceTables.staged(chunk);
  const late = sluiceTables.staged(lateRef(chunk.run));
  const columns = [...sql.types.map((_, place) => `c${place}`), '_fault', '_missing'].join(', ');
  await session.run(
    client,
    `CREATE UNLOGGED TABLE IF NOT EXISTS ${late} AS SELECT 0 AS _chunk, 0 AS _error, ${columns} FROM ${staged} LIMIT 0`,
  );
  await session.run(
    client,
    `INSERT INTO ${late} SELECT ${chunk.chunk}, ${first} + r._place - 1, ${columns}
     FROM (SELECT s.*, ${may} AS _may, row_number() OVER (ORDER BY s.ctid) AS _place
       FROM ${staged} s JOIN ${faults} f ON f."row" = s.ctid) r WHERE r._may`,
  );
}

/** Deletes kept rows of records that came again in a later chunk: the later ones replace them. */
export async function forgetLate({
  session,
  client,
  sluiceTables,
  chunk,
  sql,
}: StageRef): Promise<void> {
  const late = sluiceTables.staged(lateRef(chunk.run));
  const { rows } = await session.run(client, `SELECT to_regclass(${literal(late)}) AS late`);
  if (!rows[0]?.['late']) return;
  const keys = sql.key.map((key, at) => `${key} AS k${at}`).join(', ');
  const names = sql.key.map((_, at) => `k${at}`).join(', ');
  await session.run(
    client,
    `DELETE FROM ${late} t USING (SELECT e.at, bool_or(e.at IS NULL) OVER (PARTITION BY ${names}) AS come FROM (
       SELECT s.ctid AS at, ${keys} FROM ${late} s UNION ALL SELECT NULL, ${keys} FROM ${sluiceTables.staged(chunk)} s) e) r
     WHERE t.ctid = r.at AND r.come`,
  );
}
