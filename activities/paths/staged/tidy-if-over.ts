import type { StagingDestination } from '../../../src/connectors/contract/staging.ts';
import { isOver } from '../../../src/model/run.ts';
import type { Dependencies } from '../../session/session.ts';

/** Drops what an attempt staged that woke up after its run had ended without it: nobody else would (R6). */
export async function tidyIfOver(
  { store }: Dependencies,
  run: string,
  destination: StagingDestination,
): Promise<void> {
  const now = await store.runs.get(run);
  if (now !== null && isOver(now.status)) await destination.cleanUp(run);
}
