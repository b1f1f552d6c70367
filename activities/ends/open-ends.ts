import type { Calls } from '../../src/connectors/contract/calls.ts';
import type { Destination } from '../../src/connectors/contract/destination.ts';
import type { Target } from '../../src/connectors/contract/target.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import {
  requireDestination,
  requireSource,
  type DestinationEnd,
  type SourceEnd,
} from '../../src/connectors/ends.ts';
import type { Mapping } from '../../src/engine/mapping/mapping.ts';
import type { Field } from '../../src/model/field.ts';
import { permissionsOf } from '../../src/model/mode.ts';
import { keyFields, streamAndOptions, watermarkOf, type SyncSpec } from '../../src/model/sync.ts';
import type { RunPlan } from '../../src/store/runs/run-plans.ts';
import type { OpenConnection } from './connect.ts';

/**
 * Resolves the source of a sync.
 * @throws ConfigError when it cannot be read, or when the sync is a mirror and the read may skip records (R7)
 */
export function sourceEndOf({ id, ...declared }: OpenConnection, spec: SyncSpec): SourceEnd {
  return requireSource(declared, streamAndOptions(spec.source), spec.mode, id);
}

/**
 * Resolves the destination of a sync.
 * @throws ConfigError when it cannot be written, or does not support the mode
 */
export function destinationEndOf(
  { id, ...declared }: OpenConnection,
  spec: SyncSpec,
): DestinationEnd {
  const { mode, removal, destination } = spec;
  return requireDestination(declared, streamAndOptions(destination), { mode, by: removal.by }, id);
}

/** Opens the source of a sync. */
export function openSource(
  { connection }: OpenConnection,
  { role, stream, options }: SourceEnd,
  spec: SyncSpec,
  calls: Calls,
): Promise<Source> {
  const watermark = watermarkOf(spec.source);
  const request = {
    stream,
    key: keyFields(spec.source.key),
    options,
    whole: permissionsOf(spec.mode).remove,
    ...(watermark && { watermark: watermark.field }),
    ...(watermark?.lag !== undefined && { lag: watermark.lag }),
  };
  return role.open(connection, request, calls);
}

/** The run that a destination is opened for. */
export interface Opening {
  readonly run: string;
  readonly plan: RunPlan;
  readonly source: Source;
  /** The mapping as it is before the destination's fields are known. */
  readonly mapping: Mapping;
}

/**
 * Opens the destination of a run as its sync declares it.
 * @param differing the parts of the target that differ from the declaration
 */
export function openDestination(
  { connection }: OpenConnection,
  end: DestinationEnd,
  { run, plan, mapping, source }: Opening,
  calls: Calls,
  differing: Partial<Pick<Target, 'id' | 'key' | 'kind' | 'match' | 'twoWay'>> = {},
): Promise<Destination> {
  const { spec, sync, kind } = plan;
  const key = keyFields(spec.destination.key);
  const target: Target = {
    sync,
    run,
    stream: end.stream,
    key,
    ...fieldsFor(mapping, kind),
    copied: spec.fields === undefined,
    shapes: shapesOf(mapping, source, key),
    encoding: source.encoding,
    dryRun: plan.options.dryRun === true,
    permissions: permissionsOf(spec.mode),
    match: spec.match,
    ...(spec.removal.by !== undefined && { removal: spec.removal.by }),
    tracked: spec.removal.scope === 'tracked',
    seenBy: plan.origin,
    options: end.options,
    ...(kind !== null && { kind }),
    ...differing,
  };
  return end.role.open(connection, target, calls);
}

/**
 * Returns the fields that a run writes. When the mapping copies the rest of the fields, they are known from a sample of
 * the source, and only the opening of the run checks them: workers that open the destination later may see another
 * sample.
 */
function fieldsFor(
  { entries, rest }: Mapping,
  kind: RunPlan['kind'],
): Pick<Target, 'fields' | 'rest'> {
  if (rest === null) return { fields: entries.map(({ to }) => to) };
  return { fields: kind === null ? entries.map(({ to }) => to) : [], rest: true };
}

/**
 * Returns the source fields that key and mapped fields are copies of. The results of expressions have no known type.
 */
function shapesOf(mapping: Mapping, source: Source, key: readonly string[]): Field[] {
  const keys = mapping.key.map((part, at) => ({ to: key[at] ?? '', ...part }));
  return [...mapping.entries, ...keys].flatMap((entry) => {
    if (!('from' in entry) || entry.path !== undefined) return [];
    const field = source.fields.find(({ name }) => name === entry.from);
    return field === undefined ? [] : [{ ...field, name: entry.to }];
  });
}
