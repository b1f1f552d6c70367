import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts';
import type { WriteOperation, WriteResult } from '../contract/records.ts';
import { type Action, idAt } from './body.ts';
import type { Call } from '../kit/http/call.ts';
import type { HttpClient } from '../kit/http/client.ts';
import { at } from '../kit/paths.ts';
import { recordsAt } from '../kit/pages/pages.ts';
import { resultOf } from '../kit/http/refusal.ts';
import { resultsByName, resultsByPosition, textsAt, type Judge } from '../kit/http/results.ts';
import type { BulkSettings } from './write-settings.ts';

/** The result of each record of a bulk call that the API took as a whole. */
export function bulkResults(
  bulk: BulkSettings,
  action: Action,
  operations: readonly WriteOperation[],
  body: Json | undefined,
  call: Call,
  client: HttpClient,
): WriteResult[] {
  if (bulk.results === undefined) return operations.map(() => ({ ok: true }));
  const { connection } = client;
  const sent = client.echo(operations);
  const items: Item[] = recordsAt(body, bulk.results, call, connection).map((fields) => ({
    fields,
    error: at(fields, bulk.error),
  }));
  if (bulk.errors !== undefined && at(body, bulk.errors) !== undefined)
    for (const fields of recordsAt(body, bulk.errors, call, connection))
      items.push({ fields, error: fields });
  const judge: Judge<Item> = ({ fields, error }, operation) => {
    const said = isJsonObject(error) ? error : { message: error ?? null };
    const status = statusOf(at(fields, bulk.status), error);
    return resultOf(status, said, operation, sent, idAt(fields, bulk.id));
  };
  if (bulk.match === 'order') return resultsByPosition(operations, items, judge, call, connection);
  const names = bulk.match === 'key' ? byKey(action) : byTrace(bulk);
  return resultsByName(operations, items, names, judge);
}

/** A result of one record. */
interface Item {
  readonly fields: JsonObject;
  /** Why it failed; undefined, null or false: it did not. */
  readonly error: Json | undefined;
}

function byKey({ keyFields }: Action) {
  return {
    operation: ({ key }: WriteOperation) => keyText(key),
    item: ({ fields }: Item) => [keyText(keyFields.map((name) => at(fields, name) ?? null))],
  };
}

function byTrace({ trace = '', errorTrace = trace }: BulkSettings) {
  return {
    operation: ({ idempotencyKey }: WriteOperation) => idempotencyKey,
    item: ({ fields }: Item) => textsAt(fields, [trace, errorTrace]),
  };
}

/** An item's status as an HTTP status: numbers, digits, booleans, words, or the mere absence of an error. */
function statusOf(status: Json | undefined, error: Json | undefined): number {
  const number = typeof status === 'string' || typeof status === 'number' ? Number(status) : NaN;
  if (Number.isInteger(number) && number >= 100) return number;
  if (typeof status === 'boolean') return status ? 200 : 400;
  if (typeof status === 'string')
    return /^(ok|success|succeeded|created|updated|deleted|unchanged)$/i.test(status) ? 200 : 400;
  return error === undefined || error === null || error === false ? 200 : 400;
}

function keyText(key: readonly Json[]): string {
  return JSON.stringify(key.map(String));
}
