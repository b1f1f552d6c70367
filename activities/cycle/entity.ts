import { createHash } from 'node:crypto';
import type { Calls } from '../../src/connectors/contract/calls.ts';
import { requireSource } from '../../src/connectors/ends.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import type { EntitySourceSpec, EntitySpec } from '../../src/model/entity.ts';
import { ConfigError } from '../../src/model/failure.ts';
import { own } from '../../src/model/own.ts';
import type { EntityState } from '../../src/store/entities/entities.ts';
import type { EntityRef } from '../../src/store/entities/entity-ref.ts';
import { ValueCodec } from '../../src/store/entities/values.ts';
import type { Store } from '../../src/store/store.ts';
import type { OpenConnection, Connects } from '../session/connect.ts';

/** An entity, loaded for an activity. */
export interface OpenEntity extends EntityState {
  readonly ref: EntityRef;
  /** The number of the open cycle. A cycle that is done again keeps its number. */
  readonly openCycle: number;
}

/**
 * Loads an entity.
 * @param run a cycle: gives the declaration as it was when that cycle opened. A new one counts from the next cycle on
 * @throws ConfigError `unknown_entity`
 */
export async function openEntity(store: Store, id: string, run?: string): Promise<OpenEntity> {
  const state = await store.entities.state(id, run);
  if (state === null) throw new ConfigError('unknown_entity', `entity ${id} does not exist`);
  const codec = new ValueCodec(store.seal, state.spec.encrypted);
  return { ...state, ref: { no: state.no, codec }, openCycle: state.cycle + 1 };
}

/**
 * Returns a source of an entity by its name.
 * @throws ConfigError `unknown_source`
 */
export function sourceOf({ sources }: EntitySpec, name: string): EntitySourceSpec {
  const source = own(sources, name);
  if (source === undefined) throw new ConfigError('unknown_source', `there is no source ${name}`);
  return source;
}

/** The purpose for which a source's stream is read. */
export type ReadingKind =
  /** Changed records, in the order of the watermark; all records when the source says `full`. */
  | 'changes'
  /** Deleted records, from the stream that lists them. */
  | 'tombstones'
  /** The ids of all records. */
  | 'ids';

/** A source that is open, and the calls to it. */
export interface OpenSource {
  readonly source: Source;
  readonly calls: Calls;
}

/**
 * Opens a source of an entity for the time of `work`.
 * @param signal stops the calls that opening and `work` make
 */
export async function withSource<T>(
  connections: Connects,
  run: string,
  spec: EntitySourceSpec,
  reading: ReadingKind,
  signal: AbortSignal,
  work: (open: OpenSource) => Promise<T>,
): Promise<T> {
  const connected = await connections.connect(spec.source.connection, run);
  const calls = connected.calls({ signal });
  try {
    return await work({ source: await openSource(connected, spec, reading, calls), calls });
  } finally {
    await connected.connection.close();
  }
}

async function openSource(
  { id, connection, ...declared }: OpenConnection,
  { source, deleted }: EntitySourceSpec,
  reading: ReadingKind,
  calls: Calls,
): Promise<Source> {
  const { stream, id: idField, watermark: field } = tombstonesOf(deleted, reading) ?? source;
  const watermark = reading === 'ids' || source.full ? undefined : field;
  const side = { stream, options: sourceOptions(source) };
  const { role, options, sorted } = requireSource(declared, side, 'upsert', id);
  if (watermark !== undefined && sorted !== true)
    throw new ConfigError('unsupported_order', `${id}: ${sorted}; full: true reads everything`, {
      connection: id,
    });
  const request = {
    stream,
    key: [idField],
    options,
    whole: reading === 'ids',
    ...(watermark !== undefined && { watermark, order: 'watermark' as const }),
  };
  const opened = await role.open(connection, request, calls);
  if (opened.job === undefined) return opened;
  const message = `${id}: "${stream}" is read from exports that take long, which no source of an entity can be yet`;
  throw new ConfigError('unsupported', message, { connection: id });
}

function tombstonesOf(deleted: EntitySourceSpec['deleted'], reading: ReadingKind) {
  if (reading !== 'tombstones') return undefined;
  return typeof deleted === 'object' && 'stream' in deleted ? deleted : undefined;
}

/** Returns the options of a source that are the connector's own. */
function sourceOptions(source: EntitySourceSpec['source']): Record<string, unknown> {
  const {
    connection: _c,
    stream: _s,
    id: _i,
    watermark: _w,
    batch: _b,
    full: _f,
    ...rest
  } = source;
  return rest;
}

/**
 * Returns a hash of everything in a source's declaration that decides what its records say. A position is kept with
 * this fingerprint: when the declaration changes, the source is read from the beginning.
 */
export function sourceFingerprint(spec: EntitySourceSpec): string {
  const { source, where, fields, deleted } = spec;
  const { batch: _batch, ...from } = source;
  const text = JSON.stringify([from, where ?? null, fields, deleted ?? null]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
