import type {
  FieldChange,
  IdChange,
  LogEntry,
  LogOperation,
  RefusedValue,
} from '../../model/entity-log.ts';
import type { RecordId } from '../../model/golden-record.ts';
import { sameFieldValue } from './same.ts';

/** The strength of an operation. When a cycle does several to one record, its entry names the strongest. */
const strength: Readonly<Record<LogOperation, number>> = {
  update: 0,
  merge: 1,
  create: 2,
  delete: 3,
};

/**
 * Joins what a cycle did to a record earlier and later into one entry.
 * - Fields: the first old and the last new value; a field that came back to its old value is left out. What a person
 *   decided stays as it was.
 * - Refused values: the last one of each field and source.
 * - Ids: the last change of each id; an id that came and left, or left and came back, is left out.
 */
export function joinEntries(earlier: LogEntry | undefined, later: LogEntry): LogEntry {
  if (earlier === undefined) return later;
  const stronger = strength[earlier.operation] > strength[later.operation] ? earlier : later;
  return {
    record: later.record,
    operation: stronger.operation,
    changes: coalesceChanges(earlier.changes, later.changes),
    refused: coalesceRefused(earlier.refused, later.refused),
    ids: coalesceIds(earlier.ids, later.ids),
    merged: stronger.operation === 'delete' ? stronger.merged : union(earlier.merged, later.merged),
  };
}

function union(earlier: readonly RecordId[], later: readonly RecordId[]): readonly RecordId[] {
  return earlier.length === 0 ? later : [...new Set([...earlier, ...later])];
}

/** True when an entry says nothing, because all that happened has been taken back. */
export function saysNothing(entry: LogEntry): boolean {
  return (
    entry.operation === 'update' &&
    entry.changes.length === 0 &&
    entry.refused.length === 0 &&
    entry.ids.length === 0
  );
}

function coalesceChanges(
  earlier: readonly FieldChange[],
  later: readonly FieldChange[],
): readonly FieldChange[] {
  if (later.length === 0) return earlier;
  if (earlier.length === 0) return later;
  const changes = earlier.slice();
  for (const change of later) {
    const at = changes.findLastIndex(({ field }) => field === change.field);
    const first = changes[at];
    if (first === undefined || first.by === 'manual' || change.by === 'manual')
      changes.push(change);
    else if (sameFieldValue(first.old, change.new)) changes.splice(at, 1);
    else changes[at] = { ...change, old: first.old };
  }
  return changes;
}

function coalesceRefused(
  earlier: readonly RefusedValue[],
  later: readonly RefusedValue[],
): readonly RefusedValue[] {
  if (later.length === 0) return earlier;
  if (earlier.length === 0) return later;
  const replaced = (value: RefusedValue): boolean =>
    later.some(({ field, source }) => field === value.field && source === value.source);
  return [...earlier.filter((value) => !replaced(value)), ...later];
}

function coalesceIds(
  earlier: readonly IdChange[],
  later: readonly IdChange[],
): readonly IdChange[] {
  if (later.length === 0) return earlier;
  if (earlier.length === 0) return later;
  const ids = earlier.slice();
  for (const change of later) {
    const at = ids.findIndex(({ system, id }) => system === change.system && id === change.id);
    const before = ids[at];
    if (before !== undefined) ids.splice(at, 1);
    if (before === undefined || !undoes(before, change)) ids.push(change);
  }
  return ids;
}

function undoes(before: IdChange, after: IdChange): boolean {
  return (
    (before.change === 'attached' && after.change === 'detached') ||
    (before.change === 'detached' && after.change === 'attached')
  );
}
