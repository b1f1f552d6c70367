import { destinationSyncId } from '../../src/model/entity-syncs.ts';
import { ConfigError, TransientError } from '../../src/model/failure.ts';
import { own } from '../../src/model/own.ts';
import type { Store } from '../../src/store/store.ts';
import type { Missing } from '../activities.ts';
import { sourceOf, type OpenEntity } from './entity.ts';

/**
 * The time for which a source may fail before its cycle goes on without it. A database that restarts is back within it.
 * What a longer outage holds back, a later cycle reads. Milliseconds.
 */
const patienceMs = 15_000;

/** The failure of a source. */
export interface Outage {
  readonly source: string;
  readonly error: TransientError | ConfigError;
}

/**
 * Returns the outage that an error of a source's read is: its system is down, or refuses access. Returns null for an error
 * of another kind: a bug, a failure of the state database, or a rate limit, which the cycle waits for (R9).
 */
export function outageOf(error: unknown, { spec }: OpenEntity, source: string): Outage | null {
  if (!(error instanceof TransientError) && !(error instanceof ConfigError)) return null;
  const isOwn = error.connection === sourceOf(spec, source).source.connection;
  return isOwn ? { source, error } : null;
}

/**
 * Lets a cycle go on without these sources, and notes that they are missing. A source that may come back soon is waited for;
 * but not if the cycle before missed it too, nor if only a person can mend it.
 * @throws the error of an outage when it is to be waited for, or when no source is left to go on with
 */
export async function goOnWithout(
  { runProgress, missingSources }: Store,
  run: string,
  { no, spec }: OpenEntity,
  outages: readonly Outage[],
): Promise<void> {
  const [first] = outages;
  if (first === undefined) return;
  const before = await missingSources.since(no);
  const failingMs = await runProgress.failing(run);
  const mayPass = outages.find(
    ({ source, error }) =>
      error instanceof TransientError && !before.has(source) && failingMs < patienceMs,
  );
  if (mayPass !== undefined) throw mayPass.error;
  const missing = [...(await missingSources.of(run)), ...outages].map(({ source }) => source);
  if (new Set(missing).size === Object.keys(spec.sources).length)
    throw (outages.find(({ error }) => error instanceof ConfigError) ?? first).error;
  for (const { source, error } of outages) {
    const { code, message, connection = '' } = error;
    const since = before.get(source) ?? new Date(Date.now() - failingMs);
    const note = { source, since: since.toISOString(), code, message, connection };
    await missingSources.note(run, no, note);
  }
}

/** Returns how a step tells the workflow that the cycle goes on without a source. */
export function missingAs({ id, spec }: OpenEntity, source: string): Missing {
  const isTwoWay = own(spec.destinations, source) !== undefined;
  return { missing: isTwoWay ? { destination: destinationSyncId(id, source) } : {} };
}

/**
 * Does a step's work with a source.
 * @returns null when the cycle goes on without the source. What the step saved before stays
 */
export async function unlessMissing<T>(
  store: Store,
  run: string,
  entity: OpenEntity,
  source: string,
  work: () => Promise<T>,
): Promise<T | null> {
  const missing = await store.missingSources.of(run);
  if (missing.some((one) => one.source === source)) return null;
  try {
    return await work();
  } catch (error) {
    const outage = outageOf(error, entity, source);
    if (outage === null) throw error;
    await goOnWithout(store, run, entity, [outage]);
    return null;
  }
}
