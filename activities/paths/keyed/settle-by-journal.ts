import { operationsCodec } from '../../../src/engine/run/chunk-codec.ts';
import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import { editedCode, noStats, type RecordError, type Stats } from '../../../src/model/outcome.ts';
import type { ChunkCommit } from '../../../src/store/runs/chunks.ts';
import { finalToken } from '../../../src/store/runs/fencing.ts';
import type { JournalOutcome } from '../../../src/store/runs/journal.ts';
import type { Store } from '../../../src/store/store.ts';
import { inTurns } from '../../host/in-turns.ts';

/**
 * Counts what a run that ends early has written of chunks it did not finish by the operations that were answered (R10).
 * Chunks that were merely staged count nothing, and those with a job under way are left as they are: the next run settles
 * them. May be repeated; from now on no attempt of the run commits anything (R6).
 */
export async function settleByJournal(store: Store, run: string): Promise<void> {
  for (const { no } of await store.chunks.unfinished(run)) {
    await store.chunks.claim(run, no, finalToken);
    if (await store.jobs.areUnderWay(run, no)) continue;
    const settled = await byJournal(store, run, no);
    if (settled !== null) await store.chunks.commit(run, no, finalToken, settled);
  }
}

async function byJournal(store: Store, run: string, no: number): Promise<ChunkCommit | null> {
  const entries = await store.journal.read(run, no);
  if (entries.length === 0) return null;
  const text = await store.staged.get(run, no, 'operations');
  const operations = text === null ? [] : await inTurns(operationsCodec.decode(text));
  const counts = { created: 0, updated: 0, removed: 0 };
  const errors: RecordError[] = [];
  const doubtful: DecidedOperation[] = [];
  let edited = 0;
  for (const { seq, outcome } of entries) {
    const planned = operations[seq];
    if (planned === undefined) continue;
    const { operation, key } = planned;
    if (outcome === null && operation === 'create') doubtful.push(planned);
    if (outcome?.ok === true) counts[done[operation]] += 1;
    else if (outcome?.code === editedCode) edited += 1;
    else errors.push({ key, operation, ...failure(outcome) });
  }
  await noteDoubtful(store, run, doubtful);
  const removing = operations[0]?.operation === 'remove';
  const failed = errors.length;
  const stats: Stats = {
    ...noStats,
    ...counts,
    skipped: { ...noStats.skipped, edited },
    imported: removing ? 0 : counts.created + counts.updated + edited + failed,
    errors: removing ? 0 : failed,
    removeErrors: removing ? failed : 0,
  };
  return { state: 'interrupted', stats, errors };
}

/**
 * Notes creates of unknown outcome in the ledger. Where only the ledger tells what is there, the next run would else
 * create the records a second time.
 */
async function noteDoubtful(
  store: Store,
  run: string,
  creates: readonly DecidedOperation[],
): Promise<void> {
  const sync = (await store.runPlans.get(run))?.sync;
  if (sync === undefined) return;
  const entries = creates.map(({ key, canonicalKey }) => ({
    keyHash: store.seal.hash(canonicalKey),
    key,
    recordId: null,
    valueHash: null,
  }));
  await store.ledger.put(sync, entries);
}

const done = { create: 'created', update: 'updated', remove: 'removed' } as const;

function failure(outcome: JournalOutcome | null): Omit<RecordError, 'key' | 'operation'> {
  if (outcome !== null && !outcome.ok) {
    const { code, message, field, retryable } = outcome;
    return { code, message, retryable, ...(field !== undefined && { field }) };
  }
  const message =
    'the run ended before the answer came: the record may or may not have been written';
  return { code: 'unknown_outcome', message, retryable: true };
}
