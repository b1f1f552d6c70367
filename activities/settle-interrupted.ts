import { decodeOperations } from '../src/engine/chunk-codec.ts';
import { noStats, type RecordError, type Stats } from '../src/model/outcome.ts';
import type { JournalOutcome } from '../src/store/journal.ts';
import { fencingToken } from './fencing-token.ts';
import type { Dependencies } from './session.ts';

/** Counts what a run that ends early has written of chunks it did not finish (R10). */
export async function settleInterrupted({ store }: Dependencies, run: string): Promise<void> {
  for (const no of await store.journal.chunks(run)) {
    const token = fencingToken();
    await store.chunks.claim(run, no, token);
    const text = await store.chunks.staged(run, no, 'operations');
    const operations = text === null ? [] : decodeOperations(text);
    const counts = { created: 0, updated: 0, removed: 0 };
    const errors: RecordError[] = [];
    for (const { seq, outcome } of await store.journal.read(run, no)) {
      const planned = operations[seq];
      if (planned === undefined) continue;
      const { operation, key } = planned;
      if (outcome?.ok === true) counts[done[operation]] += 1;
      else errors.push({ key, operation, ...failure(outcome) });
    }
    const removing = operations[0]?.operation === 'remove';
    const failed = errors.length;
    const stats: Stats = {
      ...noStats,
      ...counts,
      imported: removing ? 0 : counts.created + counts.updated + failed,
      errors: removing ? 0 : failed,
      removeErrors: removing ? failed : 0,
    };
    await store.chunks.commit(run, no, token, { state: 'exported', stats, errors });
  }
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
