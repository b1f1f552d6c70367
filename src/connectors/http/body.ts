import type { Json, JsonObject } from '../../model/json.ts';
import type { WriteOperation } from '../contract/records.ts';
import { keyPart } from './lookup.ts';
import { at, fillPath, nest } from '../kit/paths.ts';
import type { WriteSettings } from './write-settings.ts';

/** A way to write a stream, and what is needed to build its calls. */
export interface Action {
  readonly settings: WriteSettings;
  readonly keyFields: readonly string[];
  /** The field of the API's own id, where records are addressed by it. */
  readonly idField: string | undefined;
  /** The call replaces the record or creates it: it needs the key and every mapped field, not only what differs. */
  readonly whole: boolean;
  /** The call brings an archived record back: it does not hold the record. Default false. */
  readonly restores?: boolean;
}

/** The record as the call takes it. */
export function recordBody(action: Action, operation: WriteOperation): JsonObject {
  const fields = action.whole
    ? {
        ...keyObject(action, operation),
        ...identity(action, operation),
        ...operation.before,
        ...operation.values,
      }
    : operation.values;
  const record = nest(fields);
  const { body = 'fields' } = action.settings;
  return body === 'fields' ? record : { [body]: record };
}

/** The item that stands for one operation in the list of a bulk call. */
export function bulkItem(action: Action, operation: WriteOperation): Json {
  const { item = 'record', trace } = action.settings.bulk ?? {};
  if (item === 'id') return operation.id;
  if (item === 'key')
    return operation.key.length === 1 ? (operation.key[0] ?? null) : [...operation.key];
  const record = listedRecord(action, operation);
  return trace === undefined ? record : { ...record, [trace]: operation.idempotencyKey };
}

/** The record as a list holds it: nothing but itself says which one is meant. */
function listedRecord(action: Action, operation: WriteOperation): JsonObject {
  if (operation.operation === 'remove') return nest(identity(action, operation));
  const record = recordBody(action, operation);
  if (action.whole || (action.settings.body ?? 'fields') !== 'fields') return record;
  return nest({ ...identity(action, operation), ...operation.values });
}

/**
 * The call's path with the record's values.
 * @throws PathError
 */
export function recordPath(action: Action, operation: WriteOperation): string {
  return fillPath(action.settings.path, (name) => {
    if (name === 'id' || name === action.idField)
      return operation.id ?? keyPart(name, action.keyFields, operation.key);
    return (
      keyPart(name, action.keyFields, operation.key) ??
      at(operation.values, name) ??
      at(operation.before, name)
    );
  });
}

/** The id of a record in an answer; undefined where there is none. */
export function idAt(body: Json | undefined, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const value = at(body, path);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** The field or fields that say which record is meant. */
function identity(action: Action, operation: WriteOperation): JsonObject {
  const { idField } = action;
  return idField === undefined || operation.id === null
    ? keyObject(action, operation)
    : { [idField]: operation.id };
}

/** The key's fields; none where the API is to assign them. */
function keyObject(action: Action, operation: WriteOperation): JsonObject {
  if (action.idField !== undefined && operation.key.every((value) => value === null)) return {};
  return Object.fromEntries(
    action.keyFields.map((name, index) => [name, operation.key[index] ?? null]),
  );
}
