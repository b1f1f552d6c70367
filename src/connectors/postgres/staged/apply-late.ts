import type { ChunkResult } from '../../contract/staging.ts';
import { keptResult, resultOf } from './applied-result.ts';
import type { SluiceTables } from '../catalog/sluice-tables.ts';
import { ChunkStage } from './chunk-stage.ts';
import type { ChunkSql } from './chunk-sql.ts';
import { lateChunk, lateRef } from './late.ts';
import { literal } from '../catalog/names.ts';
import type { Session } from '../link/session.ts';
import { ChunkWriter } from './write-chunk.ts';

/** A request to write a run's late rows: rows that could not be written with their chunk. */
interface LateRequest {
  readonly session: Session;
  readonly sluiceTables: SluiceTables;
  readonly run: string;
  readonly sql: ChunkSql;
}

type Client = ConstructorParameters<typeof ChunkStage>[0]['client'];

/** The result of writing a chunk's late rows. */
interface Landed {
  readonly chunk: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Indexes of their errors among the chunk's errors. */
  readonly errors: ReadonlySet<number>;
}

/**
 * Writes the rows that `keepLate` kept, as far as they succeed now, and corrects the results of their chunks in the
 * same transaction. A repeated call changes nothing.
 * @returns the corrected results by chunk
 */
export function applyLate(request: LateRequest): Promise<ReadonlyMap<number, ChunkResult>> {
  const { session, sluiceTables, run } = request;
  return session.transaction(async (client) => {
    const late = sluiceTables.staged(lateRef(run));
    const { rows } = await session.run(
      client,
      `SELECT to_regclass(${literal(late)}) IS NOT NULL AS waiting,
         (SELECT m.result FROM ${sluiceTables.marker} m WHERE m.run = $1 AND m.chunk = $2) AS done`,
      [run, lateChunk],
    );
    if (rows[0]?.['done'])
      return resultsOf(request, client, JSON.parse(rows[0]['done']) as number[]);
    if (rows[0]?.['waiting'] !== 't') return new Map();
    await session.run(client, 'SET CONSTRAINTS ALL IMMEDIATE');
    // A second worker waits here, and then finds nothing left.
    await session.run(client, `LOCK TABLE ${late} IN ACCESS EXCLUSIVE MODE`);
    const landed = await write(request, client);
    for (const each of landed) await correct(request, client, each);
    const chunks = landed.map(({ chunk }) => chunk);
    await session.run(
      client,
      `INSERT INTO ${sluiceTables.marker} (run, chunk, done_at, result) VALUES ($1, $2, now(), $3)`,
      [run, lateChunk, JSON.stringify(chunks)],
    );
    await sluiceTables.dropStaged(session, client, run, lateChunk);
    return resultsOf(request, client, chunks);
  });
}

/** Writes the rows. A row that is refused again keeps its error. */
async function write(
  { session, sluiceTables, run, sql }: LateRequest,
  client: Client,
): Promise<Landed[]> {
  const stage = new ChunkStage({ session, client, sluiceTables, chunk: lateRef(run), sql });
  await new ChunkWriter(stage, false).writeDue(true);
  const { create, update } = sql.table.target.permissions;
  const { rows } = await stage.run(
    `SELECT s._chunk AS chunk, count(*) FILTER (WHERE a.fresh) AS created,
       count(*) FILTER (WHERE NOT a.fresh) AS updated, count(*) FILTER (WHERE a.fresh IS NULL) AS unchanged,
       array_to_json(array_agg(s._error)) AS errors
     FROM ${stage.rows} s LEFT JOIN ${stage.actions} a ON a."row" = s.ctid
     WHERE a.fresh IS NULL OR CASE WHEN a.fresh THEN ${create} ELSE ${update} END
     GROUP BY s._chunk ORDER BY s._chunk`,
  );
  return rows.map((row) => ({
    chunk: Number(row['chunk']),
    created: Number(row['created']),
    updated: Number(row['updated']),
    unchanged: Number(row['unchanged']),
    errors: new Set(JSON.parse(row['errors'] ?? '[]') as number[]),
  }));
}

/** Corrects a chunk's result: rows that were written now no longer count as errors. */
async function correct(request: LateRequest, client: Client, landed: Landed): Promise<void> {
  const { session, sluiceTables, run } = request;
  const result = (await resultsOf(request, client, [landed.chunk])).get(landed.chunk);
  if (!result) return;
  const errors = result.errors.filter((_, at) => !landed.errors.has(at));
  const { stats } = result;
  const corrected: ChunkResult = {
    ...result,
    errors,
    stats: {
      ...stats,
      created: stats.created + landed.created,
      updated: stats.updated + landed.updated,
      unchanged: stats.unchanged + landed.unchanged,
      errors: errors.length,
    },
  };
  await session.run(
    client,
    `UPDATE ${sluiceTables.marker} SET result = $3 WHERE run = $1 AND chunk = $2`,
    [run, landed.chunk, keptResult(corrected)],
  );
}

async function resultsOf(
  { session, sluiceTables, run }: LateRequest,
  client: Client,
  chunks: readonly number[],
): Promise<ReadonlyMap<number, ChunkResult>> {
  const { rows } = await session.run(
    client,
    `SELECT chunk, result FROM ${sluiceTables.marker} WHERE run = $1 AND chunk = ANY($2::int[]) AND result IS NOT NULL`,
    [run, [...chunks]],
  );
  return new Map(
    rows.map((row) => [Number(row['chunk']), resultOf(row['result'] ?? '') as ChunkResult]),
  );
}
