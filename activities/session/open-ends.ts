import type { Connection } from '../../src/connectors/contract/connector.ts';
import type { Target } from '../../src/connectors/contract/destination.ts';
import type { Destination } from '../../src/connectors/contract/destination.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import type { Mapping } from '../../src/engine/mapping/mapping.ts';
import { ConfigError } from '../../src/model/failure.ts';
import type { Field } from '../../src/model/field.ts';
import { permissionsOf } from '../../src/model/mode.ts';
import { connectorOptions, keyFields, watermarkOf, type SyncSpec } from '../../src/model/sync.ts';
import type { RunPlan } from '../../src/store/runs/runs.ts';
import type { Connected } from './connect.ts';

/** @throws ConfigError where the destination does not honour the sync's mode */
export function checkMode(connected: Connected, spec: SyncSpec): void {
  const { stream } = spec.destination;
  const options = connectorOptions(spec.destination);
  const { connector, settings } = connected;
  const support = connector.modes(settings, { stream, options })[spec.mode];
  if (support !== true)
    throw new ConfigError('unsupported_mode', `mode ${spec.mode}: ${support}`, {
      connection: connected.id,
    });
}

/** @throws ConfigError where a read of the source may skip records that a mirror would remove then (R7) */
export function checkWholeReads({ connector, settings, id }: Connected, spec: SyncSpec): void {
  if (!permissionsOf(spec.mode).remove) return;
  const { stream } = spec.source;
  const whole = connector.wholeReads?.(settings, {
    stream,
    options: connectorOptions(spec.source),
  });
  if (whole === undefined || whole === true) return;
  throw new ConfigError('unsupported_mode', `mode ${spec.mode}: ${whole}`, { connection: id });
}

/** Opens the source of a sync. */
export async function openSource(connection: Connection, spec: SyncSpec): Promise<Source> {
  if (connection.source === undefined) {
    throw new ConfigError('not_a_source', `connection ${spec.source.connection} cannot be read`, {
      connection: spec.source.connection,
    });
  }
  const watermark = watermarkOf(spec.source);
  return connection.source({
    stream: spec.source.stream,
    key: keyFields(spec.source.key),
    options: connectorOptions(spec.source),
    whole: permissionsOf(spec.mode).remove,
    ...(watermark && { watermark: watermark.field }),
    ...(watermark?.lag !== undefined && { lag: watermark.lag }),
  });
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

/** Opens the destination of a run, as its sync says but for what differs. */
export async function openDestination(
  connection: Connection,
  run: string,
  plan: RunPlan,
  mapping: Mapping,
  source: Source,
  differing: Partial<Pick<Target, 'id' | 'key' | 'kind'>> = {},
): Promise<Destination> {
  const { spec, sync, kind } = plan;
  if (connection.destination === undefined) {
    throw new ConfigError(
      'not_a_destination',
      `connection ${spec.destination.connection} cannot be written`,
      {
        connection: spec.destination.connection,
      },
    );
  }
  return connection.destination({
    sync,
    run,
    stream: spec.destination.stream,
    key: keyFields(spec.destination.key),
    ...fieldsFor(mapping, kind),
    copied: spec.fields === undefined,
    shapes: shapesOf(mapping, source, keyFields(spec.destination.key)),
    encoding: source.encoding,
    dryRun: plan.options.dryRun === true,
    permissions: permissionsOf(spec.mode),
    match: spec.match,
    tracked: spec.removal.scope === 'tracked',
    seenBy: plan.origin,
    options: connectorOptions(spec.destination),
    ...(kind !== null && { kind }),
    ...differing,
  });
}

/** What the key and the mapped fields hold; nothing is known of the results of expressions. */
function shapesOf(mapping: Mapping, source: Source, key: readonly string[]): Field[] {
  const keys = mapping.key.map((part, at) => ({ to: key[at] ?? '', ...part }));
  return [...mapping.entries, ...keys].flatMap((entry) => {
    if (!('from' in entry) || entry.path !== undefined) return [];
    const field = source.fields.find(({ name }) => name === entry.from);
    return field === undefined ? [] : [{ ...field, name: entry.to }];
  });
}
