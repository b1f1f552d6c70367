import { RejectedError } from '../../model/failure.ts';
import type { WriteOperation, WriteResult } from '../contract/records.ts';
import { writeSingle, type WriteContext } from './write.ts';

/**
 * Writes operations of which some update records that are archived: each of those is brought back first, and then updated
 * where it differs.
 * @param restoring whose action is the call that brings a record back
 * @param write writes what is left to do, one result per operation
 */
export async function writeRestoring(
  restoring: WriteContext,
  operations: readonly WriteOperation[],
  write: (some: readonly WriteOperation[]) => Promise<WriteResult[]>,
): Promise<WriteResult[]> {
  const present = operations.filter(({ restore = false }) => !restore);
  const written = present.length === 0 ? [] : await write(present);
  const results = new Map(present.map((operation, index) => [operation, written[index]]));
  const context = { ...restoring, action: { ...restoring.action, restores: true } };
  for (const operation of operations)
    if (operation.restore === true)
      results.set(operation, await restored(context, operation, write));
  return operations.flatMap((operation) => results.get(operation) ?? []);
}

async function restored(
  restoring: WriteContext,
  operation: WriteOperation,
  write: (some: readonly WriteOperation[]) => Promise<WriteResult[]>,
): Promise<WriteResult> {
  const result = await writeSingle(restoring, operation);
  if (!result.ok || Object.keys(operation.values).length === 0) return result;
  try {
    const [updated = result] = await write([operation]);
    return updated;
  } catch (error) {
    // Nothing is to be split: the record stands alone, and is back already.
    if (!(error instanceof RejectedError)) throw error;
    const { code, message, field } = error;
    return { ok: false, class: 'record', code, message, ...(field !== undefined && { field }) };
  }
}
