import { canonicalKey } from '../../src/engine/values/canonical-key.ts';
import {
  batchesCodec,
  deferredCodec,
  keysCodec,
  operationsCodec,
} from '../../src/engine/run/chunk-codec.ts';
import { recordMapper, type MappedRecord } from '../../src/engine/mapping/map-record.ts';
import type { Decision } from '../../src/engine/match/match.ts';
import type { Steps } from '../../src/engine/run/steps.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import { permissionsOf } from '../../src/model/mode.ts';
import type { Chunks } from '../../src/store/runs/chunks.ts';
import type { RunActivities } from '../activities.ts';
import { fencingToken } from '../host/fencing-token.ts';
import { inTurns } from '../host/in-turns.ts';
import { hashesOf, matchRecords } from '../paths/records/match-records.ts';
import type { Session, Shared } from '../session/session.ts';
import { withSession } from '../host/with-session.ts';

/**
 * Maps a staged chunk, looks its keys up in the destination, and stages the operations that are due. A record whose
 * key an earlier chunk is still writing is put off until that chunk is exported: only then the destination tells
 * what the record is, an update (DESIGN section 3).
 */
export function matchChunk(deps: Shared): RunActivities['matchChunk'] {
  return ({ run, chunk }) =>
    withSession(deps, run, async (session, signal) => {
      const { store } = deps;
      const state = await store.chunks.get(run, chunk);
      if (state?.state === 'matched' || state?.state === 'exported') {
        return { waits: (await store.chunks.staged(run, chunk, 'deferred')) !== null };
      }
      const token = fencingToken();
      await store.chunks.claim(run, chunk, token);
      const text = await store.chunks.staged(run, chunk, 'records');
      if (text === null) throw new Error(`chunk ${chunk} is not staged`);
      // Read before the destination is asked: what is exported in between is seen there.
      const pending = await pendingKeys(store.chunks, run, chunk);
      faultPoint('match.before-lookup');
      const decision = await matchRecords(
        deps,
        session,
        await inTurns(mapAll(session, text)),
        pending,
        signal,
      );
      const { stats, errors, operations, deferred, keys } = decision;
      const remove = session.delivery === null && permissionsOf(session.plan.spec.mode).remove;
      faultPoint('match.after-lookup');
      await store.chunks.commit(run, chunk, token, {
        state: 'matched',
        stats,
        errors,
        stage: {
          operations: await inTurns(operationsCodec.encode(operations)),
          keys: await inTurns(keysCodec.encode(keysToWrite(session, decision))),
          deferred: deferred.length === 0 ? null : await inTurns(deferredCodec.encode(deferred)),
        },
        ...(remove && { seen: [...(await inTurns(hashesOf(keys, store.seal))).values()] }),
      });
      faultPoint('match.after-commit');
      return { waits: deferred.length > 0 };
    });
}

function* mapAll({ mapping, destination }: Session, text: string): Steps<MappedRecord[]> {
  const takes = destination.kind === 'records' ? destination.takes : undefined;
  const mapped: MappedRecord[] = [];
  for (const { fields, encoding, rows, faults } of yield* batchesCodec.decode(text)) {
    const map = recordMapper(mapping, fields, encoding, takes);
    const faultAt = new Map(faults?.map(({ row, code, message }) => [row, { code, message }]));
    for (const [at, row] of rows.entries()) {
      mapped.push(map(row, faultAt.get(at)));
      yield;
    }
  }
  return mapped;
}

async function pendingKeys(
  chunks: Chunks,
  run: string,
  chunk: number,
): Promise<ReadonlySet<string>> {
  const texts = await chunks.stagedBefore(run, chunk, 'keys');
  const keys: string[][] = [];
  for (const text of texts) keys.push(await inTurns(keysCodec.decode(text)));
  return new Set(keys.flat());
}

/** Canonical keys of the records that this chunk writes, or may write. */
function keysToWrite({ match }: Session, { operations, deferred }: Decision): string[] {
  return [
    ...operations.map((operation) => operation.canonicalKey),
    ...deferred.map(({ key }) => canonicalKey(key, match) ?? ''),
  ];
}
