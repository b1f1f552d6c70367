import type { EntityDestinationSpec, EntitySpec } from './entity.ts';
import { recordIdField } from './entity.ts';
import { own } from './own.ts';
import { keyFields, syncSchema, type SyncSpec } from './sync.ts';

/** The id of the sync that writes a destination of an entity. No declared sync has such an id: they have no dots. */
export function destinationSyncId(entity: string, destination: string): string {
  return `${entity}.${destination}`;
}

/** The entity and the destination that a sync's id names; null for a sync of its own. */
export function destinationOfSync(sync: string): { entity: string; destination: string } | null {
  const [entity = '', destination] = sync.split('.');
  return destination === undefined ? null : { entity, destination };
}

/** The field that holds the ids of a destination's system; undefined where records are matched by key alone. */
export function idFieldOf(entity: EntitySpec, destination: string): string | undefined {
  return (
    own(entity.destinations, destination)?.destination.id ??
    own(entity.sources, destination)?.source.id
  );
}

/** The connections that an entity reads and writes. */
export function connectionsOf({ sources, destinations }: EntitySpec): string[] {
  return [
    ...Object.values(sources).map(({ source }) => source.connection),
    ...Object.values(destinations).map(({ destination }) => destination.connection),
  ];
}

/** A destination of an entity is a sync from the entity's change log (DESIGN section 1). */
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
  // With ids of its own the destination's records go by the entity's record, whatever else finds them the first time.
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

/** The entity fields that the key's fields are copied from: a key is never the result of an expression. */
function sourceKey(
  key: string | readonly string[],
  fields: NonNullable<EntityDestinationSpec['fields']>,
): string[] {
  return keyFields(key).map((name) => {
    const from = own(fields, name);
    return typeof from === 'string' ? from : name;
  });
}
