import type { AppliedChunks, ChunkResult } from '../../../src/connectors/contract/staging.ts';
import { noStats, type Stats, addStats } from '../../../src/model/outcome.ts';
import { finalToken, type ChunkCommit, type Chunks } from '../../../src/store/runs/chunks.ts';
import type { Store } from '../../../src/store/store.ts';

/**
 * Counts the chunks that a run which ends early did not finish by what the destination says it has applied (R10). From
 * now on no attempt of the run commits anything (R6).
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

/** An unfinished chunk in which nothing was ever staged is the run's removal. */
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

/** Counts of an exported chunk what its destination says by now. The run is at its end: nobody else may change it. */
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

/** What a staging destination applied is what the filter let through: the two shares add up to what was imported (R10). */
export function addFiltered(applied: Stats, staged: Stats): Stats {
  const { filter } = staged.skipped;
  const share = { ...noStats, imported: filter, skipped: { ...noStats.skipped, filter } };
  return addStats(applied, share);
}
