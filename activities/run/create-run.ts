import type { Store } from '../../src/store/store.ts';

/** A run as its workflow knows it. */
export interface StartedRun {
  readonly run: string;
  readonly sync: string;
  /** The id of the cycle whose destination the run writes. */
  readonly parent?: string;
}

/**
 * Creates the run in the store unless it is there. A run that the API started is; one that a Schedule or a cycle
 * started is not. Creates nothing when the sync is not declared any more.
 */
export async function createRun(
  { catalog, runPlans }: Store,
  { run, sync, parent }: StartedRun,
): Promise<void> {
  const spec = await catalog.sync(sync);
  if (spec === null) return;
  const child = parent !== undefined && { parent };
  await runPlans.create({ id: run, sync, spec, options: {}, ...child });
}
