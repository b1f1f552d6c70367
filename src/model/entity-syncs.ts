import type { EntityDestinationSpec, EntitySpec } from './entity.ts';
import { recordIdField } from './entity.ts';
import { own } from './own.ts';
import { keyFields, syncSchema, type SyncSpec } from './sync.ts';

/**
 * Returns the id of the sync that writes a destination of an entity: `account.hubspot`. Ids of declared syncs have no
 * dots, so the two cannot clash.
 */
export function destinationSyncId(entity: string, destination: string): string {
  return `${entity}.${destination}`;
}

/** Returns the entity and the destination that a sync's id names; null for a declared sync. */
export function destinationOfSync(sync: string): { entity: string; destination: string } | null {
  const [entity = '', destination] = sync.split('.');
  return destination === undefined ? null : { entity, destination };
}

/** Returns the field that holds the destination system's own ids; undefined when records are matched by key alone. */
export function idFieldOf(entity: EntitySpec, destination: string): string | undefined {
  return (
    own(entity.destinations, destination)?.destination.id ??
    own(entity.sources, destination)?.source.id
  );
}

/** Returns the ids of the connections that an entity reads and writes. */
export function connectionsOf({ sources, destinations }: EntitySpec): string[] {
  return [
    ...Object.values(sources).map(({ source }) => source.connection),
    ...Object.values(destinations).map(({ destination }) => destination.connection),
  ];
}

/**
 * Returns the syncs of an entity's destinations, by sync id: each reads the entity's change log (DESIGN section 1).
 */
export function destinationSyncs(id: string, entity: EntitySpec): Record<string, SyncSpec> {
  return Object.fromEntries(
    Object.entries(entity.destinations).map(([name, spec]) => [
      destinationSyncId(id, name),
      destinationSync(id, entity, name, spec),
    ]),
  );
}

function destinationSync(
  id: string,
  entity: EntitySpec,
  name: string,
  spec: EntityDestinationSpec,
): SyncSpec {
  const fields = spec.fields ?? copyAll(entity);
  const idField = idFieldOf(entity, name);
  const { key: matchBy, id: _id, ...destination } = spec.destination;
  // Where the destination has an id field, its records are matched by the id of the entity's record. The key of
  // `destination` only finds a record that has no id there yet.
  const keys =
    idField === undefined
      ? { from: sourceKey(matchBy ?? [], fields), to: [...keyFields(matchBy ?? [])] }
      : { from: [recordIdField], to: [idField] };
  return syncSchema.parse({
    source: { connection: id, stream: id, key: keys.from, watermark: 'seq', entity: id },
    destination: { ...destination, key: keys.to },
    mode: spec.mode,
    fields,
    ...(spec.where !== undefined && { where: spec.where }),
    ...(spec.removal !== undefined && { removal: { guard: spec.removal } }),
    ...(spec.stopAfter !== undefined && { stopAfter: spec.stopAfter }),
  });
}

function copyAll({ fields }: EntitySpec): Record<string, string> {
  return Object.fromEntries(Object.keys(fields).map((name) => [name, name]));
}

/** Returns the entity fields that the key's fields are copied from. A key is never the result of an expression. */
function sourceKey(
  key: string | readonly string[],
  fields: NonNullable<EntityDestinationSpec['fields']>,
): string[] {
  return keyFields(key).map((name) => {
    const from = own(fields, name);
    return typeof from === 'string' ? from : name;
  });
}
