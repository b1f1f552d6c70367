import type { Destination } from '../../src/connectors/contract/destination.ts';
import type { JobDestination } from '../../src/connectors/contract/jobs.ts';
import type { KeyedDestination, RecordDestination } from '../../src/connectors/contract/records.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import { compileEntity, type EntityPlan } from '../../src/engine/entity/plan.ts';
import type { Mapping } from '../../src/engine/mapping/mapping.ts';
import { destinationOfSync, idFieldOf } from '../../src/model/entity-syncs.ts';
import { nothingKnown } from '../../src/model/field.ts';
import { ConfigError } from '../../src/model/failure.ts';
import type { Match } from '../../src/model/match.ts';
import { permissionsOf, type Permissions } from '../../src/model/mode.ts';
import { own } from '../../src/model/own.ts';
import type { RunPlan } from '../../src/store/runs/run-plans.ts';
import type { Store } from '../../src/store/store.ts';
import { watermarkFingerprint } from '../ends/watermark.ts';
import { changeSource } from './change-source.ts';
import { openEntity, type OpenEntity } from './entity.ts';
import { readSoFar, type ReadSoFar } from './first-read.ts';

/** The facts about an entity that a run which writes one of its destinations needs. */
export interface Delivery {
  readonly entity: OpenEntity;
  readonly plan: EntityPlan;
  /** The destination's name; the ids of its records are kept under it. */
  readonly system: string;
  /** The destination's field that holds a record's id; undefined when records are matched by key alone. */
  readonly idField: string | undefined;
  readonly permissions: Permissions;
  /** True when what Sluice made there is removed with its deleted record, whatever the mode (`remove: written`). */
  readonly removesWritten: boolean;
  /** The entity's change log. */
  readonly source: Source;
  /**
   * How far the system has been read. Before its own records have all been read once, what the log has for it waits: a
   * record that is there but not read yet would get a copy.
   */
  readonly read: ReadSoFar;
}

/**
 * Opens the delivery that a run's sync stands for, such as `account.hubspot`; null for a sync that the project declares.
 */
export async function openDelivery(
  store: Store,
  { sync, spec, parent }: RunPlan,
): Promise<Delivery | null> {
  const names = destinationOfSync(sync);
  if (names === null) return null;
  const entity = await openEntity(store, names.entity);
  const system = names.destination;
  const declared = own(entity.spec.destinations, system);
  if (declared === undefined)
    throw new ConfigError('unknown_sync', `entity ${entity.id} has no destination ${system}`);
  const plan = compileEntity(entity.spec, () => nothingKnown);
  const log = changeSource(store, entity.id, plan.fields);
  const read = await readSoFar(store, parent, entity, system);
  const delivered = async (): Promise<string> =>
    (await store.watermarks.get(sync, watermarkFingerprint(spec))).value ?? noChange;
  return {
    entity,
    plan,
    system,
    idField: idFieldOf(entity.spec, system),
    permissions: permissionsOf(declared.mode),
    removesWritten: declared.remove === 'written',
    source: read.once ? log : { ...log, highWatermark: delivered },
    read,
  };
}

/** The place in a change log before its first change. */
export const noChange = '0';

/** The destination opened by its records' natural key. It finds a record whose id there is not known yet. */
export interface NaturalKey {
  readonly destination: KeyedDestination;
  readonly mapping: Mapping;
  readonly match: Match;
  /** True for a key that the entity names itself; false for one that a rule of `attach` gives. */
  readonly declared: boolean;
}

/** A destination of an entity: each of its records has an outcome of its own. */
export type DeliveredDestination = RecordDestination | JobDestination;

/** @throws ConfigError where the destination can only stage */
export function asDelivered(destination: Destination): DeliveredDestination {
  if (destination.kind !== 'staging') return destination;
  throw new ConfigError('unsupported', 'entities are written record by record');
}
