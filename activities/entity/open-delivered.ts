import type { Calls } from '../../src/connectors/contract/calls.ts';
import type { DestinationEnd } from '../../src/connectors/ends.ts';
import type { Store } from '../../src/store/store.ts';
import { own } from '../../src/model/own.ts';
import type { Path } from '../paths/path.ts';
import { sealedRecords } from '../paths/keyed/sealed-records.ts';
import { openKeyedPath } from '../paths/open-path.ts';
import type { OpenConnection } from '../ends/connect.ts';
import type { Ends } from '../ends/ends.ts';
import { openDestination, type Opening } from '../ends/open-ends.ts';
import {
  asDelivered,
  type DeliveredDestination,
  type Delivery,
  type NaturalKey,
} from './delivery.ts';
import { deliveryBooks } from './delivery-books.ts';
import { identifiedDestination } from './identified-destination.ts';
import { loggedRecords } from './logged-records.ts';
import { naturalKeys } from './natural-keys.ts';

type Open = (differing: Parameters<typeof openDestination>[4]) => Promise<DeliveredDestination>;

/** Opens an entity's destination. If it gives its records ids, it is addressed by the ids of the entity's records. */
export async function openDeliveredDestination(
  to: OpenConnection,
  end: DestinationEnd,
  opening: Opening,
  delivery: Delivery,
  store: Store,
  calls: Calls,
): Promise<DeliveredDestination> {
  // A system that takes jobs alone stays one of jobs.
  const open: Open = async (differing) =>
    asDelivered(await openDestination(to, end, opening, calls, { ...differing, kind: 'records' }));
  const { idField: id, entity, system } = delivery;
  if (id === undefined) return open({});
  // A system that is read too must not take its own way of writing for a change.
  const twoWay = own(entity.spec.sources, system) !== undefined;
  const inner = await open({ id, twoWay });
  const naturals = await openNaturals(open, opening, inner, delivery);
  return identifiedDestination(store, delivery, inner, naturals);
}

/** Opens the same destination by the key that the entity names, and by the rules of `attach` that it can look up. */
async function openNaturals(
  open: Open,
  { mapping }: Opening,
  inner: DeliveredDestination,
  delivery: Delivery,
): Promise<NaturalKey[]> {
  const naturals: NaturalKey[] = [];
  for (const { key, match, declared } of naturalKeys(delivery, mapping, inner)) {
    const destination = await open({ id: delivery.idField ?? '', key, match });
    const parts = key.map((name) => mapping.entries.find(({ to }) => to === name));
    const paths = parts.flatMap((entry) => (entry !== undefined && 'from' in entry ? [entry] : []));
    const found = { ...mapping, key: paths, filter: null };
    naturals.push({ destination, mapping: found, match, declared });
  }
  return naturals;
}

/**
 * The path of a run that writes a destination of an entity: that of its kind, with the entity's books. What it reads rests
 * in the change log, unless it retries the errors of an earlier run.
 */
export function openDeliveryPath(
  store: Store,
  ends: Ends,
  destination: DeliveredDestination,
  delivery: Delivery,
): Path {
  const books = deliveryBooks(store, ends, destination, delivery);
  const startsOver = destination.kind === 'records' && destination.allAtOnce === true;
  const records =
    ends.source === delivery.source
      ? loggedRecords(store.chunks, ends, startsOver)
      : sealedRecords(store);
  return openKeyedPath({ store, ends, destination, books, records });
}
