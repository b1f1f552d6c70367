import { createHash } from 'node:crypto';
import { RejectedError } from '../../model/failure.ts';
import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts';
import { setOwn } from '../../model/own.ts';
import type { WriteOperation, WriteResult } from '../contract/records.ts';
import { type Action, bulkItem, idAt, recordBody, recordPath } from './body.ts';
import { bulkResults } from './bulk-results.ts';
import type { Calls } from '../contract/calls.ts';
import type { Answer, Call } from '../kit/http/call.ts';
import { formBody } from '../kit/http/body.ts';
import type { HttpClient } from '../kit/http/client.ts';
import { at, PathError } from '../kit/paths.ts';
import { refusal, resultOf } from '../kit/http/refusal.ts';
import type { BulkSettings, WriteSettings } from './write-settings.ts';
import { editedCode } from '../../model/outcome.ts';

/** The facts that a write needs of its stream. */
export interface WriteContext {
  readonly client: HttpClient;
  readonly action: Action;
  /** Dotted path of the id in an answer. */
  readonly idPath: string | undefined;
  /** True when the caller wants to know how the API stores a record. */
  readonly twoWay: boolean;
  readonly calls: Calls;
}

/** Writes one record by one call. A refusal is the record's error, never thrown (R8). */
export async function writeSingle(
  context: WriteContext,
  operation: WriteOperation,
): Promise<WriteResult> {
  const { client, action } = context;
  let path: string;
  try {
    path = recordPath(action, operation);
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    return { ok: false, class: 'record', code: 'invalid_value', message: error.message };
  }
  const { send } = action.settings;
  const isRecord = operation.operation !== 'remove' && !action.restores;
  const body = isRecord ? recordBody(action, operation) : send;
  const answer = await client.request(callOf(context, path, [operation], body), context.calls);
  const id = idOf(context, answer);
  if (answer.status === 412 && operation.version !== undefined)
    return { ok: false, class: 'record', code: editedCode, message: 'the record was edited' };
  const result = resultOf(answer.status, answer.body, operation, client.echo([operation]), id);
  if (!result.ok || !isRecord || !context.twoWay) return result;
  return { ...result, stored: storedIn(answer.body, context.idPath, operation) };
}

/** Returns the written fields as an answer shows them, if it shows the record: around its id, or by itself. */
function storedIn(
  body: Json | undefined,
  idPath: string | undefined,
  { values }: WriteOperation,
): JsonObject {
  const around = idPath?.includes('.') ? at(body, idPath.slice(0, idPath.lastIndexOf('.'))) : body;
  const stored: JsonObject = {};
  for (const name of Object.keys(values)) {
    const value = at(around, name) ?? at(body, name);
    if (value !== undefined) setOwn(stored, name, value);
  }
  return stored;
}

/**
 * Writes many records by one call.
 * @throws RejectedError when the API refused the call as a whole
 */
export async function writeBulk(
  context: WriteContext,
  bulk: BulkSettings,
  operations: readonly WriteOperation[],
): Promise<WriteResult[]> {
  const { action, client } = context;
  const items = operations.map((operation) => bulkItem(action, operation));
  const body: Json = bulk.wrap === undefined ? items : { [bulk.wrap]: items };
  const call = callOf(context, action.settings.path, operations, body);
  const answer = await client.request(call, context.calls);
  if (answer.status >= 400) {
    const { message, field } = refusal(answer.body, answer.status, client.echo(operations));
    throw new RejectedError(`http_${answer.status}`, message, field);
  }
  return bulkResults(bulk, action, operations, answer.body, call, client);
}

function callOf(
  context: WriteContext,
  path: string,
  operations: readonly WriteOperation[],
  body: Json | undefined,
): Call {
  const { settings } = context.action;
  const headers = headersOf(settings, operations);
  return {
    method: settings.method,
    path,
    label: settings.path,
    ...(body !== undefined && {
      body: settings.encoding === 'form' && isJsonObject(body) ? formBody(body) : body,
    }),
    ...(Object.keys(headers).length > 0 && { headers }),
  };
}

function headersOf(
  { idempotencyHeader, ifMatch }: WriteSettings,
  operations: readonly WriteOperation[],
): Record<string, string> {
  const version = operations[0]?.version;
  return {
    ...(idempotencyHeader !== undefined && { [idempotencyHeader]: idempotencyKey(operations) }),
    ...(ifMatch !== undefined && version !== undefined && { 'if-match': version }),
  };
}

function idOf(context: WriteContext, answer: Answer): string | undefined {
  return isJsonObject(answer.body) ? idAt(answer.body, context.idPath) : undefined;
}

/** The key of the whole call: half of a bulk call that was split is another call. */
function idempotencyKey(operations: readonly WriteOperation[]): string {
  const keys = operations.map((operation) => operation.idempotencyKey);
  if (keys.length === 1) return keys[0] ?? '';
  return createHash('sha256').update(JSON.stringify(keys)).digest('hex');
}
