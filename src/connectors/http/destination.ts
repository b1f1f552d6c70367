import { ConfigError } from '../../model/failure.ts';
import type { Field } from '../../model/field.ts';
import type { JsonObject } from '../../model/json.ts';
import { setOwn } from '../../model/own.ts';
import type { Operation } from '../../model/outcome.ts';
import type { KeyValues } from '../../model/record.ts';
import type { Calls } from '../contract/calls.ts';
import type { Target } from '../contract/target.ts';
import type {
  Existing,
  RecordDestination,
  WriteOperation,
  WriteResult,
} from '../contract/records.ts';
import { idAt } from './body.ts';
import type { HttpClient } from '../kit/http/client.ts';
import { addressed, checkIds, identified, isRepeatable, lookupOf } from './identity.ts';
import { lookupRecords } from './lookup.ts';
import { actionOf } from './modes.ts';
import { readPage } from '../kit/pages/pages.ts';
import { at } from '../kit/paths.ts';
import { declaredFields } from './sample.ts';
import type { ReadSettings, StreamSettings } from './settings.ts';
import type { WriteSettings } from './write-settings.ts';
import { checkFields } from './streams.ts';
import { writeRestoring } from './restore.ts';
import { writeBulk, writeSingle, type WriteContext } from './write.ts';

/** Opens a stream for writing through the calls it declares. */
export function openDestination(
  client: HttpClient,
  stream: StreamSettings,
  target: Target,
): RecordDestination {
  const { id } = target;
  const named = [...target.key, ...target.fields, ...(id === undefined ? [] : [id])];
  checkFields(stream, named, client.connection);
  checkIds(stream, target, client.connection);
  const { read, leastRecords } = stream;
  const fields = declaredFields(stream);
  const found = lookupOf(stream, target);
  const existing = (records: readonly JsonObject[]) =>
    records.flatMap((record) => existingOf(stream, target, record));
  return {
    kind: 'records',
    fields: fields ?? null,
    ...(fields && { leavesOut: fields.filter(isReadOnly).map(({ name }) => name) }),
    ...(leastRecords !== undefined && { leastRecords }),
    batch: {
      create: batchOf(stream, target, 'create'),
      update: batchOf(stream, target, 'update'),
      remove: batchOf(stream, target, 'remove'),
    },
    idempotentCreate: isIdempotent(stream, target, actionOf(stream, 'create')),
    lookupBatch: found?.lookup.batch ?? 1,
    ...(found && {
      lookup: async (keys: readonly KeyValues[], calls: Calls) =>
        existing(await lookupRecords(client, found.lookup, found.keyFields, keys, calls)),
    }),
    ...(read && { scan: (calls: Calls) => scan(client, read, existing, calls) }),
    write: (operations, calls) => write(client, stream, target, operations, calls),
  };
}

async function write(
  client: HttpClient,
  stream: StreamSettings,
  target: Target,
  operations: readonly WriteOperation[],
  calls: Calls,
): Promise<WriteResult[]> {
  const [first] = operations;
  if (!first) return [];
  const settings = actionOf(stream, first.operation, target.removal);
  if (!settings) {
    const message = `stream "${target.stream}" declares no call to ${first.operation} a record`;
    throw new ConfigError('unsupported', message, { connection: client.connection });
  }
  const whole =
    first.operation === 'create' || settings.method === 'PUT' || settings === stream.upsert;
  const context = {
    client,
    action: { settings, keyFields: target.key, idField: target.id, whole },
    idPath: settings.id ?? stream.id ?? target.id,
    twoWay: target.twoWay === true,
    calls,
  };
  const sent = operations.map((operation) => addressed(target, operation));
  const { restore } = stream;
  const writeSome = (some: readonly WriteOperation[]) =>
    settings.bulk ? writeBulk(context, settings.bulk, some) : writeEach(context, some);
  const results = restore
    ? await writeRestoring(
        { ...context, action: { ...context.action, settings: restore } },
        sent,
        writeSome,
      )
    : await writeSome(sent);
  return results.map((result, index) => identified(target, sent[index] ?? first, result));
}

async function writeEach(
  context: WriteContext,
  operations: readonly WriteOperation[],
): Promise<WriteResult[]> {
  const results: WriteResult[] = [];
  for (const operation of operations) results.push(await writeSingle(context, operation));
  return results;
}

async function* scan(
  client: HttpClient,
  read: ReadSettings,
  existing: (records: readonly JsonObject[]) => Existing[],
  calls: Calls,
): AsyncGenerator<readonly Existing[]> {
  let cursor: string | null = null;
  do {
    const page = await readPage(client, read, cursor, {}, calls);
    yield existing(page.records).filter(({ archived = false }) => !archived);
    cursor = page.next;
  } while (cursor !== null);
}

/** A record without a whole key is none that a sync could mean: it is neither matched nor removed. */
function existingOf(stream: StreamSettings, target: Target, record: JsonObject): Existing[] {
  const key = target.key.map((name) => at(record, name) ?? null);
  if (key.includes(null)) return [];
  const values: JsonObject = target.rest === true ? { ...record } : {};
  for (const name of target.fields) {
    const value = at(record, name);
    if (value !== undefined) setOwn(values, name, value);
  }
  const id = idAt(record, target.id ?? stream.id) ?? null;
  const version = versionOf(stream, target, record);
  return [
    {
      key,
      id,
      values,
      ...(version !== undefined && { version }),
      ...(isArchived(stream, record) && { archived: true }),
    },
  ];
}

/** The ETag that an update of the record names. A system that is only written has no edits to lose. */
function versionOf(
  stream: StreamSettings,
  { twoWay }: Target,
  record: JsonObject,
): string | undefined {
  const path = actionOf(stream, 'update')?.ifMatch;
  const version = twoWay === true && path !== undefined ? at(record, path) : undefined;
  return typeof version === 'string' ? version : undefined;
}

/** The API marks an archived record by true, or by the time when it was archived. */
function isArchived({ archived }: StreamSettings, record: JsonObject): boolean {
  const mark = archived === undefined ? undefined : at(record, archived);
  return mark !== undefined && mark !== null && mark !== false && mark !== '';
}

function isIdempotent(
  stream: StreamSettings,
  target: Target,
  create: WriteSettings | undefined,
): boolean {
  if (!create) return false;
  if (target.id !== undefined) return isRepeatable(create);
  return (
    create === stream.upsert || create.method === 'PUT' || create.idempotencyHeader !== undefined
  );
}

function batchOf(stream: StreamSettings, target: Target, operation: Operation): number {
  return actionOf(stream, operation, target.removal)?.bulk?.size ?? 1;
}

function isReadOnly({ creatable, updatable }: Field): boolean {
  return creatable === false && updatable === false;
}
