import type { WriteOperation, WriteResult } from '../../contract/records.ts';
import type { Value } from '../../../model/record.ts';
import { at } from '../paths.ts';
import type { Call } from './call.ts';
import { unexpected } from './failures.ts';

/**
 * Says what one item of a bulk answer means for the record it is about; `resultOf` does where an item has a status like
 * that of a call. Example: `(item, operation) => resultOf(Number(item.status), item, operation, sent, item.id)`.
 */
export type Judge<Item> = (item: Item, operation: WriteOperation) => WriteResult;

/**
 * The results of a bulk call that answers one item a record, in the order of the request, as Salesforce's collections and
 * Marketo's leads do ("in the order of the input").
 *
 * ```ts
 * return resultsByPosition(operations, listAt(body, 'result'), judge, call, connection);
 * ```
 * @throws ConfigError `unexpected_answer` where there are more or fewer items than records: nobody knows which is whose
 */
export function resultsByPosition<Item>(
  operations: readonly WriteOperation[],
  items: readonly Item[],
  judge: Judge<Item>,
  call: Pick<Call, 'method' | 'label'>,
  connection: string,
): WriteResult[] {
  if (items.length !== operations.length) {
    const what = `${operations.length} records were sent, ${items.length} results came back`;
    throw unexpected(call, what, connection);
  }
  return operations.map((operation, index) => {
    const item = items[index];
    return item === undefined ? unknownOutcome : judge(item, operation);
  });
}

/** The names by which the items of a bulk answer and the records that were sent are tied to each other. */
export interface ResultNames<Item> {
  /** The name of a record, such as its key as text, or `idempotencyKey` where the call carries an id of our own. */
  operation(operation: WriteOperation): string;
  /** The names of the records that an item is about; none: it is about no record that was sent. */
  item(item: Item): readonly string[];
}

/**
 * The results of a bulk call whose items name their records, in any order. A record that several items are about has failed
 * if one of them says so.
 *
 * ```ts
 * // HubSpot answers 207 with results and errors apart, both with the trace ids that were sent.
 * const items = [...listAt(body, 'results'), ...listAt(body, 'errors')];
 * const results = resultsByName(operations, items, {
 *   operation: ({ idempotencyKey }) => idempotencyKey,
 *   item: (item) => textsAt(item, ['objectWriteTraceId', 'context.objectWriteTraceId']),
 * }, judge);
 * ```
 * @param absent what became of a record that no item is about. Default: nobody knows (`unknown_outcome`); `done` where the
 *   API lists failures alone, as Marketo's bulk import does
 */
export function resultsByName<Item>(
  operations: readonly WriteOperation[],
  items: readonly Item[],
  names: ResultNames<Item>,
  judge: Judge<Item>,
  absent: WriteResult = unknownOutcome,
): WriteResult[] {
  const byName = new Map<string, Item[]>();
  for (const item of items)
    for (const name of names.item(item)) {
      const same = byName.get(name);
      if (same === undefined) byName.set(name, [item]);
      else same.push(item);
    }
  return operations.map((operation) => {
    const found = byName.get(names.operation(operation)) ?? [];
    const results = found.map((item) => judge(item, operation));
    return results.find(({ ok }) => !ok) ?? results[0] ?? absent;
  });
}

/** The result of a record that an answer does not mention: it may have been written, and is sent again only if that is safe. */
const unknownOutcome: WriteResult = {
  ok: false,
  class: 'transient',
  code: 'unknown_outcome',
  message: 'the answer says nothing of this record',
};

/** The texts at some dotted paths of an item, each a text or a list of them: the names of the records that it is about. */
export function textsAt(item: Value, paths: readonly string[]): string[] {
  return paths
    .map((path) => at(item, path))
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter((value) => typeof value === 'string');
}
