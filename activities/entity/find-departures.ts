import type { DecidedOperation } from '../../src/engine/match/match.ts';
import { recordMapper } from '../../src/engine/mapping/map-record.ts';
import { own } from '../../src/model/own.ts';
import type { KeyValues } from '../../src/model/record.ts';
import type { ChangedView, RecordView } from '../../src/store/entities/golden-views.ts';
import type { Store } from '../../src/store/store.ts';
import type { Removals } from '../paths/keyed/books.ts';
import type { Ends } from '../ends/ends.ts';
import type { Delivery } from './delivery.ts';

const pageSize = 1000;

/**
 * Finds the records that a run removes at an entity's destination:
 * - those that were deleted since the last run, or no longer pass its filter, if the mode allows removals. Of a system that
 *   is a source too, only what Sluice made there leaves with the filter: the rest is the system's own;
 * - with `remove: written`, what Sluice made of deleted records, whatever the mode;
 * - the losers of merges, if the merge says `deleteLosers`.
 */
export async function findDepartures(
  store: Store,
  ends: Ends,
  delivery: Delivery,
): Promise<Removals> {
  const removals = new Map<string, DecidedOperation>();
  for await (const { record, madeOnly } of leaving(store, ends, delivery)) {
    for (const one of await removalsOf(store, ends, delivery, record, madeOnly))
      removals.set(one.canonicalKey, one);
  }
  if (delivery.entity.spec.merge?.deleteLosers === true) {
    for (const { record, id } of await store.golden.withExtraIds(
      delivery.entity.id,
      delivery.system,
    ))
      removals.set(id, removal([record], id, id));
  }
  return {
    removals: [...removals.values()],
    of: (await store.golden.count(delivery.entity.id)) + removals.size,
  };
}

/** A record that leaves a destination. */
interface Leaving {
  readonly record: RecordView;
  /** True when only what Sluice made there goes. */
  readonly madeOnly: boolean;
}

/** Yields the records that have left since the sync's watermark. */
async function* leaving(
  { golden }: Store,
  ends: Ends,
  { entity, plan, system, permissions, removesWritten }: Delivery,
): AsyncGenerator<Leaving> {
  const isTwoWay = own(plan.sources, system) !== undefined;
  const losers = entity.spec.merge?.deleteLosers === true;
  const { since, until } = ends.plan;
  const filter =
    ends.mapping.filter === null ? null : recordMapper(ends.mapping, plan.fields, 'json');
  for (const deleted of [true, false]) {
    if (!deleted && (filter === null || !permissions.remove)) continue;
    let after = since ?? '0';
    for (;;) {
      const page: ChangedView[] = await golden.changes(entity.id, {
        after,
        until,
        limit: pageSize,
        deleted,
      });
      for (const record of page) {
        const may = record.mergedInto === null ? permissions.remove || removesWritten : losers;
        const madeOnly = deleted ? record.mergedInto === null && !permissions.remove : isTwoWay;
        if (deleted ? may : isFiltered(filter, plan.fields, record)) yield { record, madeOnly };
      }
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.seq;
    }
  }
}

function isFiltered(
  map: ReturnType<typeof recordMapper> | null,
  fields: Delivery['plan']['fields'],
  { values }: RecordView,
): boolean {
  if (map === null) return false;
  return 'skipped' in map(fields.map(({ name }) => values[name]));
}

async function removalsOf(
  store: Store,
  ends: Ends,
  { entity, plan, system, idField }: Delivery,
  record: RecordView,
  madeOnly: boolean,
): Promise<DecidedOperation[]> {
  if (idField !== undefined) {
    return record.ids
      .filter((one) => one.system === system && (!madeOnly || one.made === true))
      .map(({ id }) => removal([record.id], id, id));
  }
  const keyOf = recordMapper({ ...ends.mapping, filter: null }, plan.fields, 'json');
  const keyed = (view: RecordView): KeyValues | null => {
    const mapped = keyOf(plan.fields.map(({ name }) => view.values[name]));
    return 'key' in mapped ? mapped.key : null;
  };
  const key = keyed(record);
  if (key === null || key.includes(null)) return [];
  const text = JSON.stringify(key);
  const winner =
    record.mergedInto === null ? null : await store.golden.get(entity.id, record.mergedInto);
  // The winner of the merge lives on under the same key.
  if (winner !== null && JSON.stringify(keyed(winner)) === text) return [];
  return [removal(key, null, text)];
}

function removal(key: KeyValues, id: string | null, canonicalKey: string): DecidedOperation {
  return { operation: 'remove', key, canonicalKey, id, values: {} };
}
