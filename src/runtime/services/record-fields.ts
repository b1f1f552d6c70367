import { openEntity, type OpenEntity } from '../../../activities/entity/entity.ts';
import { invalid, notFound } from '../../api/http/problem.ts';
import type { FieldByHand, StoredEntry } from '../../api/services.ts';
import { setByHand, takeBack, type DecidedByHand } from '../../engine/entity/by-hand.ts';
import { coerce } from '../../engine/entity/coerce.ts';
import type { MergeCandidate } from '../../engine/entity/merge.ts';
import { originsOf } from '../../engine/entity/origins.ts';
import { compileEntity, type EntityPlan } from '../../engine/entity/plan.ts';
import type { FieldOrigin } from '../../model/field-origin.ts';
import { nothingKnown } from '../../model/field.ts';
import { manualSource, type RecordId } from '../../model/golden-record.ts';
import type { Json } from '../../model/json.ts';
import type { Store } from '../../store/store.ts';

/** The most log entries that are looked at for the origins of a record's fields. */
const mostEntries = 1000;

/** Returns the origin of each field of a live record that is set; none when there is no such record. */
export async function recordOrigins(
  store: Store,
  id: string,
  of: RecordId,
): Promise<Record<string, FieldOrigin>> {
  const entity = await openEntity(store, id);
  const [record] = await store.records.records(entity.ref, [of]);
  if (record === undefined) return {};
  const sourceRecords = (await store.sourceRecords.ofRecords(entity.ref, [of])).get(of) ?? [];
  const log = await logOf(store, id, of);
  const { authority: authorities } = compileEntity(entity.spec, () => nothingKnown);
  return originsOf({ record, log, sourceRecords, authorities });
}

/** Returns the log of a record and of those merged into it, newest first. */
async function logOf({ log }: Store, id: string, of: RecordId): Promise<StoredEntry[]> {
  const found: StoredEntry[] = [];
  const records = new Set([of]);
  for (const record of records) {
    const { entries } = await log.ofRecord(id, record, { limit: mostEntries });
    found.push(...entries);
    if (found.length >= mostEntries) break;
    const winning = entries.filter(({ operation }) => operation !== 'delete');
    for (const other of winning.flatMap(({ merged }) => merged)) records.add(other);
  }
  return found.toSorted((a, b) => b.cycle - a.cycle);
}

/** Sets a field of a record by hand, as `EntityService.setField` says. */
export async function setFieldByHand(
  store: Store,
  id: string,
  record: RecordId,
  { field, value, reason }: FieldByHand,
): Promise<void> {
  const { entity, plan, held } = await load(store, id, record);
  const set = { field, value: typed(entity, field, value), reason };
  await save(store, entity, setByHand(plan, held, set, contextOf(entity)));
}

/** Takes back what a person set, as `EntityService.takeBackField` says. */
export async function takeBackField(
  store: Store,
  id: string,
  record: RecordId,
  field: string,
): Promise<void> {
  const { entity, plan, held } = await load(store, id, record);
  const decided = takeBack(plan, held, field, contextOf(entity));
  if (decided === null) throw notFound(`field set by hand in record "${record}"`, field);
  await save(store, entity, decided);
}

async function load(
  store: Store,
  id: string,
  of: RecordId,
): Promise<{ entity: OpenEntity; plan: EntityPlan; held: MergeCandidate }> {
  const entity = await openEntity(store, id);
  // Ids of records are those of all entities.
  const isOfEntity = (await store.golden.get(id, of)) !== null;
  const [record] = isOfEntity ? await store.records.records(entity.ref, [of]) : [];
  if (record === undefined) throw notFound(`live record of entity "${id}"`, of);
  const sourceRecords = (await store.sourceRecords.ofRecords(entity.ref, [of])).get(of) ?? [];
  const entry = (await store.records.entries(entity.ref, entity.openCycle, [of])).get(of);
  const plan = compileEntity(entity.spec, () => nothingKnown);
  return { entity, plan, held: { record, sourceRecords, entry } };
}

/**
 * Returns the value as the field's type holds it.
 * @throws ApiProblem 422
 */
function typed({ spec }: OpenEntity, field: string, value: Json): Json {
  const declared = Object.hasOwn(spec.fields, field) ? spec.fields[field] : undefined;
  if (declared === undefined) throw unfit('field', `the entity has no field ${field}`);
  if (typeof declared === 'object') throw unfit('field', `${field} is derived from other fields`);
  const fitting = coerce(value, declared);
  if (fitting === undefined) throw unfit('value', `the value is no ${declared}`);
  return fitting;
}

function unfit(path: string, message: string) {
  return invalid('The field cannot be set so.', [{ path, message }]);
}

function contextOf({ openCycle }: OpenEntity): { cycle: number; now: number } {
  return { cycle: openCycle, now: Date.now() };
}

/** Saves a decision with the number of the next cycle, whose log entry of the record goes on from it. */
async function save(
  store: Store,
  { ref, openCycle: cycle }: OpenEntity,
  { change, entries }: DecidedByHand,
): Promise<void> {
  await store.records.change(ref, {
    cycle,
    run: manualSource,
    records: [change],
    sourceRecords: [],
    detached: [],
    entries,
  });
}
