import type { RecordDestination } from '../../src/connectors/contract/records.ts';
import type { StagingDestination } from '../../src/connectors/contract/staging.ts';
import { deferredCodec, operationsCodec } from '../../src/engine/run/chunk-codec.ts';
import type { DecidedOperation } from '../../src/engine/match/match.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import { addStats, type Operation, type Stats } from '../../src/model/outcome.ts';
import type { ChunkInput, RunActivities } from '../activities.ts';
import type { Owner } from '../export/chunk-log.ts';
import { exportOperations, type Failed } from '../export/export-operations.ts';
import { attemptNumber, fencingToken } from '../host/fencing-token.ts';
import { inTurns } from '../host/in-turns.ts';
import { matchRecords } from '../paths/records/match-records.ts';
import { sampleOf } from './preview.ts';
import { layoutOf, type Dependencies, type Session, type Shared } from '../session/session.ts';
import { withFiltered } from '../paths/staged/with-filtered.ts';
import { withSession } from '../host/with-session.ts';

/** Writes a chunk. Repeated after any failure it returns the same stats and repeats nothing acknowledged. */
export function exportChunk(deps: Shared): RunActivities['exportChunk'] {
  return (input) =>
    withSession(deps, input.run, async (session, signal) => {
      const state = await deps.store.chunks.get(input.run, input.chunk);
      if (state?.state === 'exported') return state.stats;
      const { destination } = session;
      return destination.kind === 'staging'
        ? applySet(deps, session, destination, input, signal)
        : writeRecords(deps, session, destination, input, signal);
    });
}

async function applySet(
  { store }: Dependencies,
  session: Session,
  destination: StagingDestination,
  { run, chunk }: ChunkInput,
  signal: AbortSignal,
): Promise<Stats> {
  const token = fencingToken();
  await store.chunks.claim(run, chunk, token);
  const state = await store.chunks.get(run, chunk);
  if (state === null) throw new Error(`chunk ${chunk} is not staged`);
  const reference = { run, chunk, token: state.stagedBy };
  const dryRun = session.plan.options.dryRun === true;
  faultPoint('export.before-apply');
  const { stats, errors, sample } = await destination.apply(reference, layoutOf(session), {
    dryRun,
    signal,
  });
  faultPoint('export.after-apply');
  if (sample !== undefined) await store.previews.put(run, chunk, { changes: sample });
  const whole = withFiltered(stats, state.stats);
  await store.chunks.commit(run, chunk, token, { state: 'exported', stats: whole, errors });
  faultPoint('export.after-commit');
  return whole;
}

async function writeRecords(
  deps: Dependencies,
  session: Session,
  destination: RecordDestination,
  { run, chunk }: ChunkInput,
  signal: AbortSignal,
): Promise<Stats> {
  const { store } = deps;
  const token = fencingToken();
  await store.chunks.claim(run, chunk, token);
  const owner = { run, no: chunk, token };
  await decideDeferred(deps, session, owner, signal);
  const planned = (await store.chunks.get(run, chunk))?.stats;
  if (planned === undefined) throw new Error(`chunk ${chunk} is not matched`);
  const operations = await stagedOperations(deps, owner);
  const matched = await store.errors.ofChunk(run, chunk);
  const dryRun = session.plan.options.dryRun === true;
  if (dryRun) await store.previews.put(run, chunk, { changes: sampleOf(operations) });
  const failed = dryRun
    ? []
    : await exportOperations(deps, session, destination, owner, operations, {
        signal,
        attempt: attemptNumber(),
      });
  const stats = withOutcomes(planned, operations, failed);
  faultPoint('export.before-commit');
  await store.chunks.commit(run, chunk, token, {
    state: 'exported',
    stats,
    errors: [...matched, ...failed.map(({ error }) => error)],
  });
  faultPoint('export.after-commit');
  return stats;
}

/** Decides the records that waited for earlier chunks; those are exported now, so the destination tells. */
async function decideDeferred(
  deps: Dependencies,
  session: Session,
  owner: Owner,
  signal: AbortSignal,
): Promise<void> {
  const { chunks, errors } = deps.store;
  const { run, no, token } = owner;
  const text = await chunks.staged(run, no, 'deferred');
  const before = await chunks.get(run, no);
  if (text === null || before === null) return;
  const decision = await matchRecords(
    deps,
    session,
    await inTurns(deferredCodec.decode(text)),
    new Set(),
    signal,
  );
  const operations = [...(await stagedOperations(deps, owner)), ...decision.operations];
  await chunks.commit(run, no, token, {
    state: 'matched',
    // They were counted as imported already.
    stats: { ...addStats(before.stats, decision.stats), imported: before.stats.imported },
    errors: [...(await errors.ofChunk(run, no)), ...decision.errors],
    stage: { operations: await inTurns(operationsCodec.encode(operations)), deferred: null },
  });
}

async function stagedOperations(
  { store }: Dependencies,
  { run, no }: Owner,
): Promise<DecidedOperation[]> {
  const text = await store.chunks.staged(run, no, 'operations');
  return text === null ? [] : inTurns(operationsCodec.decode(text));
}

/** Adds what became of the operations to what matching counted. */
function withOutcomes(
  matched: Stats,
  operations: readonly DecidedOperation[],
  failed: readonly Failed[],
): Stats {
  const succeeded = (name: Operation): number =>
    operations.filter(({ operation }) => operation === name).length -
    failed.filter(({ operation }) => operation === name).length;
  return {
    ...matched,
    created: succeeded('create'),
    updated: succeeded('update'),
    errors: matched.errors + failed.length,
  };
}
