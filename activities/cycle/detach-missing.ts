import { compileEntity } from '../../src/engine/entity/plan.ts';
import { unify } from '../../src/engine/entity/unify.ts';
import { nothingKnown } from '../../src/model/field.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import type { IncomingRecord } from '../../src/model/golden-record.ts';
import { noStats } from '../../src/model/outcome.ts';
import type { CycleActivities } from '../activities.ts';
import type { WorkerDependencies } from '../session/with-session.ts';
import { supervised } from '../host/supervised.ts';
import { claimNextChunk } from '../host/attempt.ts';
import { stageCounts } from './stage-counts.ts';
import { openEntity } from './entity.ts';
import { loadChunk } from './load-chunk.ts';

const batch = 2000;

/** Detaches the records of a source whose ids its scan did not find, chunk by chunk. */
export function detachMissing(deps: WorkerDependencies): CycleActivities['detachMissing'] {
  return ({ run, entity: id, source }) =>
    supervised(deps, run, async (signal) => {
      const { store } = deps;
      const entity = await openEntity(store, id, run);
      const plan = compileEntity(entity.spec, () => nothingKnown);
      const chunks = store.chunks.of({ source, reading: 'ids' });
      let no = (await chunks.lastExported(run))?.no ?? -1;
      for (;;) {
        signal.throwIfAborted();
        const gone = await store.seenIds.missing(entity.ref, run, source, batch);
        if (gone.length === 0) break;
        no += 1;
        const incoming = gone.map((one): IncomingRecord => ({
          source,
          id: one,
          at: null,
          values: {},
          deleted: true,
        }));
        const token = await claimNextChunk(chunks, run, no);
        const loaded = await loadChunk(store, entity, plan, { system: source, incoming });
        const context = { cycle: entity.openCycle, now: Date.now(), newId: nothingNew };
        const unified = unify(plan, loaded, incoming, context);
        const { [`read.${source}`]: _read, ...counts } = stageCounts(source, 0, unified);
        // Records that are gone were not imported, so they count in no stats.
        const commit = { state: 'exported', stats: noStats, counts } as const;
        await chunks.commit(run, no, token, commit, (tx) =>
          store.records.save(tx, entity.ref, { ...unified, cycle: entity.openCycle, run }),
        );
        faultPoint('detach.after-commit');
      }
    });
}

function nothingNew(): never {
  throw new Error('a chunk that only detaches made a record');
}
