import { idText } from '../../src/engine/entity/id-text.ts';
import { rowReader } from '../../src/engine/mapping/map-record.ts';
import { ConfigError } from '../../src/model/failure.ts';
import { approvalReason } from '../../src/engine/match/removal-guard.ts';
import { destinationSyncId } from '../../src/model/entity-syncs.ts';
import type { EntitySourceSpec } from '../../src/model/entity.ts';
import { milliseconds } from '../../src/model/duration.ts';
import { own } from '../../src/model/own.ts';
import { largestRecord } from '../../src/model/too-large.ts';
import type { CycleActivities } from '../activities.ts';
import type { WorkerDependencies } from '../session/with-session.ts';
import { supervised } from '../host/supervised.ts';
import {
  openEntity,
  sourceOf,
  withSource,
  type OpenEntity,
  type OpenSource,
} from '../entity/entity.ts';
import { missingAs, unlessMissing } from '../entity/missing-sources.ts';
import { passOf } from '../entity/passes.ts';

const pageLimit = { records: 20_000, bytes: 16 << 20, record: largestRecord };
const nothing = { remove: 0, of: 0, needsApproval: false };

/**
 * Reads all ids of a source, if its scan is due, and counts the records that are gone. When the read came back empty,
 * or more are gone than the guard allows, the removal needs approval (R7).
 */
export function scanSource(deps: WorkerDependencies): CycleActivities['scanSource'] {
  return ({ run, entity: id, source: name }) =>
    supervised(deps, run, async (signal) => {
      const { store, sessions } = deps;
      const entity = await openEntity(store, id, run);
      const spec = sourceOf(entity.spec, name);
      const scan = scanOf(spec);
      if (scan === undefined || !(await isDue(deps, run, entity, name, milliseconds(scan.scan))))
        return nothing;
      if (!(await store.passes.isScanned(run, name))) {
        const scanned = await unlessMissing(store, run, entity, name, () =>
          withSource(sessions, run, spec, 'ids', signal, async (open) => {
            for await (const ids of idsOf(open, spec.source.id))
              await store.seenIds.note(entity.ref, run, name, ids);
            return true;
          }),
        );
        // Nobody can tell what is gone from a system that could not be read to its end (R7).
        if (scanned === null) return { ...nothing, ...missingAs(entity, name) };
        await store.passes.noteScanned(run, name);
      }
      const { unseen, of, seen } = await store.seenIds.count(entity.ref, run, name);
      const removal = { remove: unseen, of };
      const reason = approvalReason({ ...removal, imported: seen, unnamed: 0 }, scan.guard);
      return { ...removal, needsApproval: reason !== null, ...(reason !== null && { reason }) };
    });
}

/** Returns the scan that a source declares to find deleted records; undefined when it declares none. */
export function scanOf({ deleted }: EntitySourceSpec) {
  return typeof deleted === 'object' && 'scan' in deleted ? deleted : undefined;
}

async function* idsOf({ source, calls }: OpenSource, id: string): AsyncGenerator<string[]> {
  let cursor: string | null = null;
  do {
    const page = await source.read(
      {
        cursor,
        since: null,
        until: null,
        fields: [id],
        limit: pageLimit,
      },
      calls,
    );
    for await (const { rows, fields, encoding, faults = [] } of page.batches()) {
      const read = rowReader(fields, encoding);
      const ids = rows.map((row) => idText(read(row, id)));
      if (faults.some(({ row }) => ids[row] === null)) throw unreadable(id);
      yield ids.filter((text) => text !== null);
    }
    ({ cursor } = page.end());
  } while (cursor !== null);
}

/**
 * Returns the error of a scan that met a record without a readable id: it may be any record that seems to be gone (R7).
 */
function unreadable(id: string): ConfigError {
  const message = `a record could not be read as far as its ${id}: nobody can tell which records are gone`;
  return new ConfigError('incomplete_read', message);
}

/** True when the scan is due and no run writes to the system. Such a run creates records that the scan may miss. */
async function isDue(
  { store }: WorkerDependencies,
  run: string,
  { id, spec }: OpenEntity,
  name: string,
  everyMs: number,
): Promise<boolean> {
  const pass = await passOf(store, run, { source: name, reading: 'changes' });
  if (Date.now() - (pass?.scannedAt ?? 0) < everyMs) return false;
  if (own(spec.destinations, name) === undefined) return true;
  return (await store.runs.openRunOf(destinationSyncId(id, name))) === null;
}
