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
import type { RunPlan } from '../../src/store/runs/runs.ts';
import type { OpenConnection } from './connect.ts';

/** @throws ConfigError where it cannot be read, or where a mirror's read may skip records (R7) */
export function sourceEndOf({ id, ...declared }: OpenConnection, spec: SyncSpec): SourceEnd {
  return requireSource(declared, streamAndOptions(spec.source), spec.mode, id);
}

/** @throws ConfigError where it cannot be written, or does not honour the mode */
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

/** What a destination is opened for. */
export interface Opening {
  readonly run: string;
  readonly plan: RunPlan;
  readonly source: Source;
  /** As far as it is known before the destination has told its fields. */
  readonly mapping: Mapping;
}

/** Opens the destination of a run, as its sync says but for what differs. */
export function openDestination(
  { connection }: OpenConnection,
  end: DestinationEnd,
  { run, plan, mapping, source }: Opening,
  calls: Calls,
  differing: Partial<Pick<Target, 'id' | 'key' | 'kind'>> = {},
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
 * The fields that a run writes. Those that a sample showed are checked when the run opens: workers that open the
 * destination later may have seen another sample.
 */
function fieldsFor(
  { entries, rest }: Mapping,
  kind: RunPlan['kind'],
): Pick<Target, 'fields' | 'rest'> {
  if (rest === null) return { fields: entries.map(({ to }) => to) };
  return { fields: kind === null ? entries.map(({ to }) => to) : [], rest: true };
}

/** The fields that the key and the mapped fields are copies of; nothing is known of the results of expressions. */
function shapesOf(mapping: Mapping, source: Source, key: readonly string[]): Field[] {
  const keys = mapping.key.map((part, at) => ({ to: key[at] ?? '', ...part }));
  return [...mapping.entries, ...keys].flatMap((entry) => {
    if (!('from' in entry) || entry.path !== undefined) return [];
    const field = source.fields.find(({ name }) => name === entry.from);
    return field === undefined ? [] : [{ ...field, name: entry.to }];
  });
}
