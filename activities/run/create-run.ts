import type { Store } from '../../src/store/store.ts';

/** A run as its workflow knows it. */
export interface StartedRun {
  readonly run: string;
  readonly sync: string;
  /** The cycle whose destination it writes. */
  readonly parent?: string;
}

/**
 * Makes a run that the store does not have yet, scheduled or a destination's: one started by the API is there already.
 * None is made of a sync that is not declared any more.
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
