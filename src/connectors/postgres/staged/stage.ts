import type { PoolClient } from 'pg';
import { TransientError } from '../../../model/failure.ts';
import type { ChunkRef, StagedLayout, StagedRow } from '../../contract/staging.ts';
import type { SluiceTables } from '../catalog/sluice-tables.ts';
import { asciiJson } from '../values/ascii-json.ts';
import type { ChunkSql } from './chunk-sql.ts';
import { encodeLine } from '../values/copy-lines.ts';
import { repertoireOf } from '../values/repertoire.ts';
import { rowColumns, StageCopy } from './stage-copy.ts';
import type { Session } from '../link/session.ts';
import { toText } from '../values/to-text.ts';

/** The chunk to stage, and the place and layout of its rows. */
export interface StageRequest {
  readonly session: Session;
  readonly sluiceTables: SluiceTables;
  readonly chunk: ChunkRef;
  readonly sql: ChunkSql;
  readonly layout: StagedLayout;
}

/** The lines of a chunk. */
export interface StagedLines {
  /** The names of the lines' columns: `c0…`, and `x0…` for those to ignore. */
  readonly columns: readonly string[];
  readonly bytes: AsyncIterable<Uint8Array>;
  /**
   * Returns lines of {@link rowColumns} for rows that are not among the bytes, if there are any. It is called after the
   * bytes.
   */
  readonly faults?: () => AsyncIterable<Uint8Array> | undefined;
}

/**
 * Fills a chunk's staging table from COPY text. The marker gets the attempt's token before the rows, and their number
 * with them. So apply refuses the table of another attempt (R6), and one that a crash of the server emptied. Nothing is
 * locked while rows are on their way, so a frozen worker holds nobody up.
 */
export async function stageLines(
  request: StageRequest,
  { columns, bytes, faults }: StagedLines,
): Promise<void> {
  const { session, sluiceTables, chunk, sql, layout } = request;
  const staged = sluiceTables.staged(chunk);
  const ignored = columns.filter((name) => name.startsWith('x')).map((name) => `${name} text`);
  const own = sql.types.map((type, at) => `c${at} ${type}`);
  const all = [...own, ...ignored, '_fault text', '_missing text'];
  await session.transaction((client) => claim(request, client));
  // The rows may come by calls to the same system.
  await session.longTransaction(async (client) => {
    await session.run(client, `CREATE UNLOGGED TABLE ${staged} (${all.join(', ')})`);
    await session.run(client, 'SET LOCAL statement_timeout = 0');
    const repertoire = await repertoireOf(session, client, session.databaseEncoding);
    const copy = new StageCopy({ session, client, staged, sql, layout, repertoire });
    await copy.lines(columns, bytes);
    const left = faults?.();
    if (left) await copy.lines(rowColumns(layout), left);
    const rows = await copy.finish();
    // A chunk that was applied may be staged again: apply then returns the first result and drops the table.
    const { count } = await session.run(
      client,
      `UPDATE ${sluiceTables.marker} SET staged = $3
       WHERE run = $1 AND chunk = $2 AND (token = $4 OR done_at IS NOT NULL)`,
      [chunk.run, chunk.chunk, rows, chunk.token],
    );
    if (count === 0) throw stale(request);
  });
}

/** Encodes the rows to stage as lines, with `_fault` and `_missing` as their last columns. */
export async function* linesOf(
  sql: ChunkSql,
  layout: StagedLayout,
  rows: AsyncIterable<readonly StagedRow[]>,
): AsyncGenerator<Buffer> {
  const lineOf = lineWriter(sql, layout);
  for await (const batch of rows) {
    if (batch.length > 0) yield Buffer.from(batch.map(lineOf).join(''));
  }
}

/** Returns a function that turns a row into a line; what depends only on the layout is looked up once. */
function lineWriter(sql: ChunkSql, layout: StagedLayout): (row: StagedRow) => string {
  const columns = layout.columns.map(({ field, encoding }, at) => {
    const { name = field.name, base = 'text', category = '' } = sql.useOf(at) ?? {};
    return { name, base, category, encoding };
  });
  const sources = layout.assign.map(({ from }) => from);
  return ({ values, fault: given }) => {
    let fault = given;
    const texts = columns.map(({ name, base, category, encoding }, at) => {
      const text = toText(values[at], base, category, encoding);
      if (!text?.includes('\0')) return text;
      const message = 'PostgreSQL texts cannot hold the character U+0000';
      fault ??= { code: 'invalid_value', message, field: name };
      return null;
    });
    const missing = sources.some((from) => values[from] === undefined)
      ? sources.map((from) => (values[from] === undefined ? '1' : '0')).join('')
      : null;
    texts.push(fault ? asciiJson(fault) : null, missing);
    return encodeLine(texts);
  };
}

/** Makes the attempt the chunk's owner, unless the chunk was applied, and drops what earlier attempts staged. */
async function claim(request: StageRequest, client: PoolClient): Promise<void> {
  const { session, sluiceTables, chunk } = request;
  const claimed = await session.run(
    client,
    `INSERT INTO ${sluiceTables.marker} AS m (run, chunk, token) VALUES ($1, $2, $3)
     ON CONFLICT (run, chunk) DO UPDATE SET token = excluded.token
     WHERE m.done_at IS NULL AND m.token <= excluded.token`,
    [chunk.run, chunk.chunk, chunk.token],
  );
  const done = await session.run(
    client,
    `SELECT done_at FROM ${sluiceTables.marker} WHERE run = $1 AND chunk = $2`,
    [chunk.run, chunk.chunk],
  );
  if (claimed.count === 0 && !done.rows[0]?.['done_at']) throw stale(request);
  await sluiceTables.dropStaged(session, client, chunk.run, chunk.chunk);
}

function stale({ session }: StageRequest): TransientError {
  const message = `${session.connection}: a newer attempt owns this chunk`;
  return new TransientError('stale_token', message, { connection: session.connection });
}
