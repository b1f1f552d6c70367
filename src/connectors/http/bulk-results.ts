import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts';
import type { WriteOperation, WriteResult } from '../contract/records.ts';
import { type Action, idAt } from './body.ts';
import type { Call } from '../kit/http/call.ts';
import type { HttpClient } from '../kit/http/client.ts';
import type { Echo } from '../kit/http/echo.ts';
import { unexpected } from '../kit/http/failures.ts';
import { at } from '../kit/paths.ts';
import { recordsAt } from '../kit/pages/pages.ts';
import { resultOf } from '../kit/http/refusal.ts';
import type { BulkSettings } from './settings.ts';

/** What became of each record of a bulk call that the API took as a whole. */
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
  const items = recordsAt(body, bulk.results, call, connection);
  if (bulk.match === 'key') {
    const byKey = new Map(items.map((item) => [keyText(keyOf(item, action)), item]));
    return operations.map((operation) =>
      itemResult(bulk, operation, byKey.get(keyText(operation.key)), sent),
    );
  }
  if (items.length !== operations.length) {
    const what = `${operations.length} records were sent, ${items.length} results came back`;
    throw unexpected(call, what, connection);
  }
  return operations.map((operation, index) => itemResult(bulk, operation, items[index], sent));
}

function itemResult(
  bulk: BulkSettings,
  operation: WriteOperation,
  item: JsonObject | undefined,
  sent: Echo,
): WriteResult {
  if (!item) {
    const message = 'the answer says nothing of this record';
    return { ok: false, class: 'transient', code: 'unknown_outcome', message };
  }
  const error = at(item, bulk.error);
  const wrapped: JsonObject = isJsonObject(error) ? error : { message: error ?? null };
  return resultOf(
    statusOf(at(item, bulk.status), error),
    wrapped,
    operation,
    sent,
    idAt(item, bulk.id),
  );
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

function keyOf(item: JsonObject, action: Action): Json[] {
  return action.keyFields.map((name) => at(item, name) ?? null);
}

function keyText(key: readonly Json[]): string {
  return JSON.stringify(key.map(String));
}
