import type { Calls } from '../../src/connectors/contract/calls.ts';
import type { DestinationEnd } from '../../src/connectors/ends.ts';
import type { Store } from '../../src/store/store.ts';
import { own } from '../../src/model/own.ts';
import { keyFields } from '../../src/model/sync.ts';
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
  const natural = await openNatural(open, opening, delivery);
  return identifiedDestination(store, delivery, await open({ id, twoWay }), natural);
}

/** Opens the same destination by the natural key that the entity names; undefined when it names none. */
async function openNatural(
  open: Open,
  { mapping }: Opening,
  { entity, system, idField: id }: Delivery,
): Promise<NaturalKey | undefined> {
  const named = own(entity.spec.destinations, system)?.destination.key;
  if (named === undefined || id === undefined) return undefined;
  const key = keyFields(named);
  const destination = await open({ id, key });
  const parts = key.map((name) => mapping.entries.find(({ to }) => to === name));
  const paths = parts.flatMap((entry) => (entry !== undefined && 'from' in entry ? [entry] : []));
  return { destination, mapping: { ...mapping, key: paths, filter: null } };
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
