import type { AppliedChunks, ChunkResult } from '../../contract/staging.ts';
import { resultOf } from './applied-result.ts';
import type { SluiceTables } from '../catalog/sluice-tables.ts';
import { lateChunk } from './late.ts';
import { removalChunk } from './removal.ts';
import type { Session } from '../link/session.ts';

/**
 * Reads from its markers which parts of a run were applied. The markers' locks make it wait for an apply that is still
 * under way, even when that apply's worker is gone.
 */
export async function appliedChunks(
  session: Session,
  sluiceTables: SluiceTables,
  run: string,
): Promise<AppliedChunks> {
  const { rows } = await session.query(
    `SELECT chunk, result FROM ${sluiceTables.marker} WHERE run = $1 FOR UPDATE`,
    [run],
  );
  const done = new Map<number, unknown>();
  for (const { chunk, result } of rows) if (result) done.set(Number(chunk), resultOf(result));
  const removal = (done.get(removalChunk) ?? null) as AppliedChunks['removal'];
  done.delete(removalChunk);
  const corrected = (done.get(lateChunk) ?? []) as number[];
  done.delete(lateChunk);
  return { chunks: done as Map<number, ChunkResult>, corrected, removal };
}
