import type { EntityPlan, Incoming } from '../../src/engine/entity/plan.ts';
import { keysToFind, type Loaded } from '../../src/engine/entity/unify.ts';
import type { IncomingRecord, RecordId } from '../../src/model/golden-record.ts';
import type { Store } from '../../src/store/store.ts';
import type { OpenEntity } from './entity.ts';

/** What is stored of incoming records; `unknown`: so many may become new records. */
export type LoadedChunk = Loaded & { readonly unknown: number };

/** Loads what the engine must know to unify these records of one system. */
export async function load(
  { records }: Store,
  { ref, openCycle }: OpenEntity,
  plan: EntityPlan,
  { system, incoming }: { system: string; incoming: readonly Incoming[] },
): Promise<LoadedChunk> {
  const whole = incoming.filter((one): one is IncomingRecord => 'source' in one);
  const ids = [...new Set(whole.map(({ id }) => id))];
  const sourceRecords = await records.sourceRecords(ref, system, ids);
  const known = new Set(sourceRecords.map(({ id }) => id));
  const byKey = await records.byKeys(
    ref,
    keysToFind(plan, incoming, (_, id) => known.has(id)),
  );
  const candidates = [...byKey.values()].flat();
  const wanted = [...new Set([...sourceRecords.map(({ record }) => record), ...candidates])];
  const loaded = await records.records(ref, wanted);
  // A record of the system matters where it is a candidate, or where ids leave it.
  const deletes = whole.some(({ deleted }) => deleted);
  const idsOf = await idsOfAll(records, ref, deletes ? wanted : [...new Set(candidates)]);
  const entries = await records.entries(ref, openCycle, wanted);
  const unknown = ids.filter((id) => !known.has(id)).length;
  return { records: loaded, sourceRecords, idsOf, byKey, entries, unknown };
}

async function idsOfAll(
  records: Store['records'],
  ref: OpenEntity['ref'],
  wanted: readonly RecordId[],
): Promise<Map<RecordId, { system: string; id: string }[]>> {
  const all = await records.sourceRecordsOf(ref, wanted);
  return new Map(
    [...all].map(([record, of]) => [record, of.map(({ system, id }) => ({ system, id }))]),
  );
}
