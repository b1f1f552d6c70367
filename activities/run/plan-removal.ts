import type { RemovalPlan } from '../../src/connectors/contract/destination.ts';
import { canonicalKey } from '../../src/engine/values/canonical-key.ts';
import { operationsCodec } from '../../src/engine/run/chunk-codec.ts';
import { approvalReason } from '../../src/engine/match/removal-guard.ts';
import type { DecidedOperation } from '../../src/engine/match/match.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import { previewSize } from '../../src/model/preview.ts';
import type { KeyValues } from '../../src/model/record.ts';
import type { ChunkInput, RunActivities } from '../activities.ts';
import { departed } from '../cycle/departed.ts';
import { fencingToken } from '../host/fencing-token.ts';
import { inTurns } from '../host/in-turns.ts';
import { shownKey } from './preview.ts';
import type { Dependencies, Session, Shared } from '../session/session.ts';
import { decodedKey } from '../paths/records/stored-keys.ts';
import { tidyIfOver } from '../paths/staged/tidy-if-over.ts';
import { withSession } from '../host/with-session.ts';

/** Counts and pins what a mirror would remove, and asks the guard (R7). */
export function planRemoval(deps: Shared): RunActivities['planRemoval'] {
  return (input) =>
    withSession(deps, input.run, async (session, signal) => {
      const { destination, plan } = session;
      await deps.store.runs.enter(input.run, 'remove');
      faultPoint('removal.before-plan');
      const {
        remove,
        of,
        sample = [],
      } = destination.kind === 'staging'
        ? await destination.planRemoval(input.run)
        : await pin(deps, session, input, signal);
      if (destination.kind === 'staging') await tidyIfOver(deps, input.run, destination);
      const imported =
        session.delivery === null
          ? await deps.store.chunks.importedInAll(input.run)
          : await deps.store.golden.count(session.delivery.entity.id);
      const unnamed = await deps.store.errors.unnamed(input.run);
      const facts = { remove, of, imported, unnamed };
      const reason = approvalReason(facts, plan.spec.removal.guard);
      const guarded = reason !== null;
      faultPoint('removal.after-plan');
      if (plan.options.dryRun !== true)
        return { remove, of, needsApproval: guarded, ...(guarded && { reason }) };
      const keys = sample.map(shownKey);
      await deps.store.previews.put(input.run, input.chunk, {
        removal: { remove, of, needsApproval: guarded, keys },
      });
      return { remove, of, needsApproval: false };
    });
}

/** Stages one removal per destination record that no chunk of the run held. */
async function pin(
  deps: Dependencies,
  session: Session,
  { run, chunk }: ChunkInput,
  signal: AbortSignal,
): Promise<RemovalPlan> {
  const { removals, of } = await toRemove(deps, session, signal);
  const token = fencingToken();
  await deps.store.chunks.claim(run, chunk, token);
  await deps.store.chunks.commit(run, chunk, token, {
    state: 'matched',
    stage: { operations: await inTurns(operationsCodec.encode(removals)) },
  });
  const sample = removals.slice(0, previewSize).map(({ key }) => key);
  return { remove: removals.length, of, sample };
}

async function toRemove(
  deps: Dependencies,
  session: Session,
  signal: AbortSignal,
): Promise<{ removals: DecidedOperation[]; of: number }> {
  if (session.delivery !== null) return departed(deps.store, session, session.delivery);
  return session.plan.spec.removal.scope === 'tracked'
    ? await tracked(deps, session)
    : await missing(deps, session, signal);
}

async function tracked(
  { store }: Dependencies,
  { plan, run, match }: Session,
): Promise<{ removals: DecidedOperation[]; of: number }> {
  const entries = await store.ledger.unseen(plan.sync, run);
  const removals = entries.map(({ key, recordId }) =>
    removal(key, recordId, canonicalKey(key, match) ?? ''),
  );
  return { removals, of: await store.ledger.count(plan.sync) };
}

async function missing(
  { store }: Dependencies,
  { run, destination, match }: Session,
  signal: AbortSignal,
): Promise<{ removals: DecidedOperation[]; of: number }> {
  if (destination.kind !== 'records' || destination.scan === undefined)
    return { removals: [], of: 0 };
  const removals: DecidedOperation[] = [];
  let of = 0;
  for await (const page of destination.scan(signal)) {
    // A record without a key stays: one of the source that lacks its key may stand for it (R7).
    const keyed = page.flatMap(({ key: held, id }) => {
      const key = decodedKey(held, match, destination.encoding ?? 'json');
      const canonical = canonicalKey(key, match);
      return canonical === null ? [] : [{ key, id, canonical, hash: store.seal.hash(canonical) }];
    });
    const unseen = await store.chunks.unseen(
      run,
      keyed.map(({ hash }) => hash),
    );
    for (const { key, id, canonical, hash } of keyed)
      if (unseen.has(hash.toString('hex'))) removals.push(removal(key, id, canonical));
    of += page.length;
  }
  return { removals, of };
}

function removal(key: KeyValues, id: string | null, canonical: string): DecidedOperation {
  return { operation: 'remove', key, canonicalKey: canonical, id, values: {} };
}
