import { deferredCodec, keysCodec, operationsCodec } from '../../../src/engine/run/chunk-codec.ts';
import { recordMapper, type MappedRecord } from '../../../src/engine/mapping/map-record.ts';
import type { Decision } from '../../../src/engine/match/match.ts';
import type { Steps } from '../../../src/engine/run/steps.ts';
import { canonicalKey } from '../../../src/engine/values/canonical-key.ts';
import { faultPoint } from '../../../src/model/fault-point.ts';
import { addStats } from '../../../src/model/outcome.ts';
import type { RecordBatch } from '../../../src/model/record.ts';
import type { Database } from '../../../src/store/database/database.ts';
import type { StagedTexts } from '../../../src/store/runs/staged-texts.ts';
import { inTurns } from '../../host/in-turns.ts';
import type { Ends } from '../../ends/ends.ts';
import type { Step } from '../step.ts';
import { hashesOf, matchRecords } from './match-records.ts';
import type { KeyedWork } from './keyed-work.ts';

/**
 * Maps a staged chunk, looks its keys up in the destination, and stages the operations that are due. A record is put
 * off when an earlier chunk is still writing its key. Example: chunk 1 creates a record, and chunk 2 holds the same
 * key. Only once chunk 1 is exported does the destination show that the second one is an update (DESIGN section 3).
 */
export async function matchStaged(work: KeyedWork, step: Step): Promise<{ waits: boolean }> {
  const { store, ends, books } = work;
  const { run, chunk, token, signal } = step;
  const state = await store.chunks.get(run, chunk);
  if (state?.state === 'matched' || state?.state === 'exported')
    return { waits: (await store.staged.get(run, chunk, 'deferred')) !== null };
  await store.chunks.claim(run, chunk, token);
  const records = await work.records.read(step);
  // The pending keys are read before the destination is asked, which shows what is exported in between.
  const pending = await pendingKeys(store.staged, run, chunk);
  faultPoint('match.before-lookup');
  const mapped = await mapAll(work, records, signal);
  const decision = await matchRecords(work, mapped, pending, signal);
  const { stats, errors, operations, deferred, keys } = decision;
  faultPoint('match.after-lookup');
  const commit = {
    state: 'matched' as const,
    stats,
    errors,
    stage: {
      operations: await inTurns(operationsCodec.encode(operations)),
      keys: await inTurns(keysCodec.encode(keysToWrite(ends, decision))),
      deferred: deferred.length === 0 ? null : await inTurns(deferredCodec.encode(deferred)),
    },
    ...(books.removes === 'unseen' && {
      seen: [...(await inTurns(hashesOf(keys, store.seal))).values()],
    }),
  };
  await store.chunks.commit(run, chunk, token, commit, leaving(work, decision));
  faultPoint('match.after-commit');
  return { waits: deferred.length > 0 };
}

/**
 * Decides the records that were put off. The earlier chunks are exported now, so the destination shows their records.
 */
export async function decideDeferred(work: KeyedWork, step: Step): Promise<void> {
  const { chunks, errors, staged } = work.store;
  const { run, chunk, token, signal } = step;
  const text = await staged.get(run, chunk, 'deferred');
  const before = await chunks.get(run, chunk);
  if (text === null || before === null) return;
  const deferred = await inTurns(deferredCodec.decode(text));
  const decision = await matchRecords(work, deferred, new Set(), signal);
  const planned = await staged.get(run, chunk, 'operations');
  const operations = [
    ...(planned === null ? [] : await inTurns(operationsCodec.decode(planned))),
    ...decision.operations,
  ];
  await chunks.commit(
    run,
    chunk,
    token,
    {
      state: 'matched',
      // Matching has counted these records as imported already.
      stats: { ...addStats(before.stats, decision.stats), imported: before.stats.imported },
      errors: [...(await errors.ofChunk(run, chunk)), ...decision.errors],
      stage: { operations: await inTurns(operationsCodec.encode(operations)), deferred: null },
    },
    leaving(work, decision),
  );
}

/** Returns what leaves the records that were edited at the destination to a later run; undefined when there is nothing. */
function leaving(
  { ends, books }: KeyedWork,
  { edited }: Decision,
): ((db: Database) => Promise<void>) | undefined {
  if (edited.length === 0 || ends.plan.options.dryRun === true) return undefined;
  return async (db) => books.leave?.(edited, db);
}

async function mapAll(
  { ends, destination }: KeyedWork,
  batches: readonly RecordBatch[],
  signal: AbortSignal,
): Promise<MappedRecord[]> {
  const { mapping, parents } = ends;
  const mapped: MappedRecord[] = [];
  for (const batch of batches) {
    const parentOf = await parents.of(mapping.parents, batch, signal);
    const { fields, encoding } = batch;
    const map = recordMapper(mapping, fields, encoding, destination.takes, parentOf);
    mapped.push(...(await inTurns(mapBatch(batch, map))));
  }
  return mapped;
}

function* mapBatch(
  { rows, faults }: RecordBatch,
  map: ReturnType<typeof recordMapper>,
): Steps<MappedRecord[]> {
  const faultAt = new Map(faults?.map(({ row, code, message }) => [row, { code, message }]));
  const mapped: MappedRecord[] = [];
  for (const [at, row] of rows.entries()) {
    mapped.push(map(row, faultAt.get(at)));
    yield;
  }
  return mapped;
}

async function pendingKeys(
  staged: StagedTexts,
  run: string,
  chunk: number,
): Promise<ReadonlySet<string>> {
  const texts = await staged.before(run, chunk, 'keys');
  const keys: string[][] = [];
  for (const text of texts) keys.push(await inTurns(keysCodec.decode(text)));
  return new Set(keys.flat());
}

/** Returns the canonical keys of the records that this chunk writes, or may write. */
function keysToWrite({ match }: Ends, { operations, deferred }: Decision): string[] {
  return [
    ...operations.map((operation) => operation.canonicalKey),
    ...deferred.map(({ key }) => canonicalKey(key, match) ?? ''),
  ];
}
