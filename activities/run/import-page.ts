import type { Page } from '../../src/connectors/contract/page.ts';
import type { StagedRow } from '../../src/connectors/contract/staging.ts';
import { batchesCodec } from '../../src/engine/run/chunk-codec.ts';
import { chunkSize } from '../../src/engine/run/chunk-size.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import { largestRecord } from '../../src/model/too-large.ts';
import { noStats } from '../../src/model/outcome.ts';
import type { RecordBatch } from '../../src/model/record.ts';
import type { RunStart } from '../../src/model/run.ts';
import type { ChunkCommit } from '../../src/store/runs/chunks.ts';
import type { ChunkInput, RunActivities } from '../activities.ts';
import { cutChunks, guarded, type ChunkLimit } from '../paths/records/cut-chunks.ts';
import { fencingToken } from '../host/fencing-token.ts';
import { inTurns } from '../host/in-turns.ts';
import type { Dependencies, Session, Shared } from '../session/session.ts';
import { tidyIfOver } from '../paths/staged/tidy-if-over.ts';
import { withSession } from '../host/with-session.ts';

/** Rows that a database stages at once; a set statement over them takes about a second. */
const stagedLimit = { records: 100_000, bytes: 64 << 20, record: largestRecord };
/** The first chunk's rows; each of the next has twice as many, so that the export soon has something to do. */
const firstRecords = 25_000;
/** Records that are held in memory on their way to an API; how many is for `chunkSize` to say. */
const recordLimit = { bytes: 8 << 20, record: largestRecord };
/** A slow source is not read for longer at a time: what a crash makes to be read again. Milliseconds. */
const readMs = 20_000;

type Imported = Awaited<ReturnType<RunActivities['importPage']>>;

/**
 * Reads the page after the one that ended with the chunk before, and stages it. The cursor becomes durable in
 * the same transaction that makes the chunk staged (R2).
 */
export function importPage(deps: Shared): RunActivities['importPage'] {
  return (input) =>
    withSession(deps, input.run, async (session, signal) => {
      const before =
        input.chunk === 0 ? null : await deps.store.chunks.get(input.run, input.chunk - 1);
      const start = startOf(session);
      if (before?.last ?? start?.done) return { chunks: 0, records: 0, done: true };
      const left = await allowance(deps, session, input);
      if (left <= 0) return { chunks: 0, records: 0, done: true };
      const limit = await limitOf(deps, session, input.chunk);
      faultPoint('import.before-fetch');
      const page = await session.source.read({
        cursor: before === null ? (start?.cursor ?? null) : before.cursor,
        since: session.plan.since,
        until: session.plan.since === null ? null : session.plan.until,
        fields: session.mapping.needed,
        rest: session.mapping.rest !== null,
        limit: { ...limit, records: Math.min(limit.records, left), ms: readMs },
        signal,
      });
      faultPoint('import.after-fetch');
      return session.stage === null
        ? stageRecords(deps, input, page, limit)
        : stageSet(deps, session, input, page, signal);
    });
}

/** Where the run begins to read: of a run that it continues nothing may be left. */
function startOf({ plan, destination }: Session): RunStart | null {
  return destination.kind === 'records' && destination.allAtOnce === true ? null : plan.start;
}

/** When the next chunk is full. */
async function limitOf(
  { store }: Dependencies,
  { run, destination }: Session,
  chunk: number,
): Promise<ChunkLimit> {
  if (destination.kind === 'staging')
    return { ...stagedLimit, records: Math.min(stagedLimit.records, firstRecords * 2 ** chunk) };
  const { batch, lookup, lookupBatch } = destination;
  const perCall = Math.min(
    batch.create,
    batch.update,
    lookup === undefined ? Infinity : lookupBatch,
  );
  return { ...recordLimit, records: chunkSize(await store.chunks.paces(run), perCall) };
}

/** How many more records the run may import. */
async function allowance(
  deps: Dependencies,
  { plan }: Session,
  { run, chunk }: ChunkInput,
): Promise<number> {
  const { limit } = plan.options;
  return limit === undefined
    ? Number.POSITIVE_INFINITY
    : limit - (await deps.store.chunks.importedBefore(run, chunk));
}

/** One hop: the page goes straight into the destination's staging table. */
async function stageSet(
  deps: Dependencies,
  session: Session,
  input: ChunkInput,
  page: Page,
  signal: AbortSignal,
): Promise<Imported> {
  const { run, chunk } = input;
  const { destination, stage, mapping } = session;
  const token = fencingToken();
  if (destination.kind !== 'staging' || stage === null)
    throw new Error('this destination does not stage');
  await deps.store.chunks.claim(run, chunk, token);
  const reference = { run, chunk, token };
  const { layout, rowStager } = stage;
  let filtered = 0;
  faultPoint('import.before-stage');
  if (mapping.plain && page.copy !== undefined && destination.acceptsCopy(layout)) {
    await destination.stageCopy(reference, layout, page.copy, signal);
  } else {
    await destination.stageRows(reference, layout, staged(), signal);
  }
  const { cursor, records, highest = null } = page.end();
  faultPoint('import.after-stage');
  const stats = {
    ...noStats,
    imported: records,
    skipped: { ...noStats.skipped, filter: filtered },
  };
  try {
    await deps.store.chunks.commit(run, chunk, token, {
      state: 'staged',
      cursor: { value: cursor, last: cursor === null, highest },
      stats,
    });
  } catch (error) {
    await tidyIfOver(deps, run, destination);
    throw error;
  }
  faultPoint('import.after-commit');
  return { chunks: 1, records, done: cursor === null };

  async function* staged(): AsyncIterable<readonly StagedRow[]> {
    for await (const whole of page.batches()) {
      const batch = guarded(whole, stagedLimit.record);
      const faultAt = new Map(batch.faults?.map(({ row, ...fault }) => [row, fault]));
      const stageRow = rowStager(batch.fields);
      const all = batch.rows.map((row, at) => stageRow(row, faultAt.get(at)));
      const rows = all.filter((row) => row !== null);
      filtered += batch.rows.length - rows.length;
      yield rows;
    }
  }
}

/** The page rests in the state database, cut into chunks; the cursor is that of the last one. */
async function stageRecords(
  deps: Dependencies,
  input: ChunkInput,
  page: Page,
  limit: ChunkLimit,
): Promise<Imported> {
  const { run } = input;
  const token = fencingToken();
  let { chunk } = input;
  const put = async (held: RecordBatch[], cursor?: ChunkCommit['cursor']): Promise<void> => {
    faultPoint('import.before-stage');
    await deps.store.chunks.claim(run, chunk, token);
    await deps.store.chunks.commit(run, chunk, token, {
      state: 'staged',
      stats: { ...noStats, imported: held.reduce((sum, { rows }) => sum + rows.length, 0) },
      stage: { records: await inTurns(batchesCodec.encode(held)) },
      ...(cursor !== undefined && { cursor }),
    });
    faultPoint('import.after-commit');
    chunk += 1;
  };
  // A source's own page may go a little beyond the limit: that is not worth a chunk of its own.
  const roomy = { ...limit, records: Math.ceil(limit.records * 1.25) };
  // The last one waits for the cursor.
  let last: RecordBatch[] | undefined;
  for await (const held of cutChunks(page.batches(), roomy)) {
    if (last !== undefined) await put(last);
    last = held;
  }
  const { cursor, records, highest = null } = page.end();
  await put(last ?? [], { value: cursor, last: cursor === null, highest });
  return { chunks: chunk - input.chunk, records, done: cursor === null };
}
