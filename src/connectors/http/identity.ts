import { ConfigError } from '../../model/failure.ts';
import type { Operation } from '../../model/outcome.ts';
import { keyFields } from '../../model/sync.ts';
import type { Target } from '../contract/target.ts';
import type { WriteOperation, WriteResult } from '../contract/records.ts';
import { actionOf } from './modes.ts';
import type { LookupSettings, StreamSettings } from './settings.ts';
import type { WriteSettings } from './write-settings.ts';

/** True when the target's records are matched by the API's own id. */
function isById({ id, key }: Target): boolean {
  return id !== undefined && key.length === 1 && key[0] === id;
}

/** The call that finds a target's records, and the names that its path has for the key; undefined where none is declared. */
export function lookupOf(
  stream: StreamSettings,
  target: Target,
): { lookup: LookupSettings; keyFields: readonly string[] } | undefined {
  const { id, key } = target;
  const lookup = isById(target) ? (stream.lookupById ?? lookupWithId(stream, id)) : stream.lookup;
  const namesId = isById(target) && lookup?.path.includes('{id}') === true;
  return lookup && { lookup, keyFields: namesId ? ['id'] : key };
}

function lookupWithId(
  { key, lookup }: StreamSettings,
  id: string | undefined,
): LookupSettings | undefined {
  const names = key === undefined ? [] : keyFields(key);
  const isKey = names.length === 1 && names[0] === id;
  const isNamed = lookup?.path.includes('{id}') || lookup?.path.includes(`{${id}}`);
  return isKey || isNamed ? lookup : undefined;
}

/**
 * Checks that the calls of a stream tell the ids of what they create, and are addressed by them.
 * @throws ConfigError `invalid_id`
 */
export function checkIds(stream: StreamSettings, target: Target, connection: string): void {
  if (target.id === undefined) return;
  for (const operation of ['create', 'update', 'remove'] as const) {
    const settings = actionOf(stream, operation, target.removal);
    const why = settings && target.permissions[operation] && lackOf(settings, operation, target);
    if (!why) continue;
    const message = `${connection}: "${target.stream}" cannot ${operation} records by their ids: ${why}`;
    throw new ConfigError('invalid_id', message, { connection });
  }
}

function lackOf(
  { bulk, path }: WriteSettings,
  operation: Operation,
  target: Target,
): string | undefined {
  const byId = isById(target);
  if (operation === 'create') {
    if (!bulk) return undefined;
    if (bulk.results === undefined || bulk.id === undefined)
      return 'a bulk call tells the ids of new records only with results and id';
    return byId && bulk.match === 'key' ? 'results are matched by a key that is new' : undefined;
  }
  if (bulk) return bulk.item === 'key' && !byId ? 'the list holds keys' : undefined;
  const names = ['{id}', `{${target.id}}`, ...(byId ? ['{key}'] : [])];
  return names.some((name) => path.includes(name)) ? undefined : 'the path names no {id}';
}

/** True when every create of a target whose ids the API assigns may be sent twice. */
export function isRepeatable({ bulk, idempotencyHeader, method, path }: WriteSettings): boolean {
  // A bulk call that is split is another call to the API.
  if (bulk) return false;
  return idempotencyHeader !== undefined || (method === 'PUT' && path.includes('{'));
}

/** The operation as it is sent: addressed by the id where it has one, without the nulls that the API assigns. */
export function addressed(target: Target, operation: WriteOperation): WriteOperation {
  const { id, key } = target;
  if (id === undefined) return operation;
  if (operation.operation !== 'create')
    return isById(target) && operation.id !== null
      ? { ...operation, key: [operation.id] }
      : operation;
  const isKeyless = operation.key.every((value) => value === null);
  const assigned = new Set(isKeyless ? [id, ...key] : [id]);
  const values = Object.entries(operation.values).filter(
    ([name, value]) => value !== null || !assigned.has(name),
  );
  return { ...operation, values: Object.fromEntries(values) };
}

/** A result with the id of the record. */
export function identified(
  { id: field }: Target,
  { operation, id: given }: WriteOperation,
  result: WriteResult,
): WriteResult {
  if (field === undefined || !result.ok) return result;
  const id = operation === 'create' ? result.id : (given ?? result.id);
  if (id !== undefined) return { ...result, id };
  if (operation !== 'create') return result;
  const message = 'the record was created, but the answer does not tell its id';
  return { ok: false, class: 'record', code: 'missing_id', message };
}
