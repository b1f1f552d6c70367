import type { RunWarning } from '../../src/model/run.ts';
import { own } from '../../src/model/own.ts';
import type { Store } from '../../src/store/store.ts';
import { sourceFingerprint, type OpenEntity } from './entity.ts';
import { passAfter } from './passes.ts';

/** How far the system of a destination has been read as a source. */
export interface ReadSoFar {
  /** True when all of its records have been read once, so that a record which is not known there does not exist there. */
  readonly once: boolean;
  /** True when everything that it had when this cycle began has been read. */
  readonly upToDate: boolean;
}

/**
 * Tells how far a destination's system has been read. A system that is no source of the entity is never read: nothing of
 * it is missing.
 * @param cycle the cycle that started the run; it may have finished the read without being closed yet. null: no cycle did
 */
export async function readSoFar(
  store: Store,
  cycle: string | null,
  { no, spec }: OpenEntity,
  system: string,
): Promise<ReadSoFar> {
  const source = own(spec.sources, system);
  if (source === undefined) return { once: true, upToDate: true };
  const reading = { source: system, reading: 'changes' } as const;
  const pass = cycle === null ? null : await passAfter(store, cycle, reading);
  const position =
    pass?.position ?? (await store.positions.get(no, system, sourceFingerprint(source)));
  return { once: position?.readOnce === true, upToDate: pass?.done === true };
}

/** Says that the run of a destination has delivered nothing, and why. */
export function waitsForFirstRead(system: string): RunWarning {
  const message = `nothing is delivered to ${system} before all of its own records have been read once`;
  return { code: 'waits_for_first_read', message };
}
