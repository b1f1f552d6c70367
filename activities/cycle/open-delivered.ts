import type { Connection } from '../../src/connectors/contract/connector.ts';
import type { Destination } from '../../src/connectors/contract/destination.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import type { Mapping } from '../../src/engine/mapping/mapping.ts';
import { own } from '../../src/model/own.ts';
import { keyFields } from '../../src/model/sync.ts';
import type { RunPlan } from '../../src/store/runs/runs.ts';
import type { Store } from '../../src/store/store.ts';
import { openDestination } from '../session/open-ends.ts';
import { asRecords, type Delivery, type NaturalKey } from './delivery.ts';
import { IdentifiedDestination } from './identified-destination.ts';

/** The destination of an entity, its records addressed by the entity's where it has ids of its own. */
export async function openDelivered(
  connection: Connection,
  run: string,
  plan: RunPlan,
  mapping: Mapping,
  source: Source,
  delivery: Delivery,
  store: Store,
): Promise<Destination> {
  const { idField: id } = delivery;
  const open = (differing: Parameters<typeof openDestination>[5]) =>
    openDestination(connection, run, plan, mapping, source, differing);
  if (id === undefined) return open({ kind: 'records' });
  const inner = await open({ kind: 'records', id });
  const natural = await openNatural(connection, run, plan, mapping, source, delivery);
  return new IdentifiedDestination(store, delivery, asRecords(inner), natural);
}

/** The same destination by its natural key, where the entity names one. */
async function openNatural(
  connection: Connection,
  run: string,
  plan: RunPlan,
  mapping: Mapping,
  source: Source,
  { entity, system, idField: id }: Delivery,
): Promise<NaturalKey | undefined> {
  const named = own(entity.spec.destinations, system)?.destination.key;
  if (named === undefined || id === undefined) return undefined;
  const key = keyFields(named);
  const destination = await openDestination(connection, run, plan, mapping, source, {
    kind: 'records',
    id,
    key,
  });
  const parts = key.map((name) => mapping.entries.find(({ to }) => to === name));
  const paths = parts.flatMap((entry) => (entry !== undefined && 'from' in entry ? [entry] : []));
  return { destination: asRecords(destination), mapping: { ...mapping, key: paths, filter: null } };
}
