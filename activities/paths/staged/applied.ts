import type { AppliedChunks, ChunkResult } from '../../../src/connectors/contract/staging.ts';
import { noStats, type Stats, addStats } from '../../../src/model/outcome.ts';
import type { ChunkCommit, Chunks } from '../../../src/store/runs/chunks.ts';
import { finalToken } from '../../../src/store/runs/fencing.ts';
import type { Store } from '../../../src/store/store.ts';

/**
 * Counts the unfinished chunks of a run that ends early by the destination's own account of what it has applied (R10).
 * Afterwards no attempt of the run can commit anything (R6).
 */
export async function settleApplied(
  { chunks }: Pick<Store, 'chunks'>,
  run: string,
  applied: AppliedChunks,
): Promise<void> {
  for (const { no, staged } of await chunks.unfinished(run)) {
    await chunks.claim(run, no, finalToken);
    const settled = byMarker(applied, no, staged);
    if (settled !== null) await chunks.commit(run, no, finalToken, settled);
  }
  for (const no of applied.corrected) {
    const result = applied.chunks.get(no);
    if (result !== undefined) await commitCorrected(chunks, run, no, result);
  }
}

/**
 * Returns the commit of an unfinished chunk; null when the destination applied nothing of it. A chunk in which nothing
 * was ever staged is the run's removal.
 */
function byMarker(applied: AppliedChunks, no: number, staged: Stats | null): ChunkCommit | null {
  if (staged === null) {
    const { removal } = applied;
    if (removal === null) return null;
    const { removed, errors } = removal;
    const stats = { ...noStats, removed, removeErrors: errors.length };
    return { state: 'interrupted', stats, errors };
  }
  const result = applied.chunks.get(no);
  if (result === undefined) return null;
  return { state: 'exported', stats: addFiltered(result.stats, staged), errors: result.errors };
}

/**
 * Stores the destination's final counts of an exported chunk. The run is at its end, so nothing else changes the chunk.
 */
export async function commitCorrected(
  chunks: Chunks,
  run: string,
  no: number,
  { stats, errors }: ChunkResult,
): Promise<void> {
  const before = await chunks.get(run, no);
  if (before === null) throw new Error(`chunk ${no} does not exist`);
  await chunks.claim(run, no, finalToken);
  const whole = addFiltered(stats, before.stats);
  await chunks.commit(run, no, finalToken, { state: 'exported', stats: whole, errors });
}

/**
 * Adds the records that the filter skipped to the counts of what a staging destination applied. Together they are the
 * records that were imported (R10).
 */
export function addFiltered(applied: Stats, staged: Stats): Stats {
  const { filter } = staged.skipped;
  const share = { ...noStats, imported: filter, skipped: { ...noStats.skipped, filter } };
  return addStats(applied, share);
}
