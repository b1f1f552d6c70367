import { parseLossless, stringifyLossless } from '../model/lossless-json.ts';
import type { RecordBatch } from '../model/record.ts';
import type { DecidedOperation, DeferredRecord } from './match.ts';

/** Batches as one JSON text for a staged chunk; every value comes back as it was, `ExactNumber`s and missing ones too. */
export function encodeBatches(batches: readonly RecordBatch[]): string {
  return stringifyLossless(batches);
}

/** Reads what `encodeBatches` wrote. */
export function decodeBatches(text: string): RecordBatch[] {
  return parseLossless(text) as RecordBatch[];
}

/** Decided operations as one JSON text, lossless like batches. */
export function encodeOperations(operations: readonly DecidedOperation[]): string {
  return stringifyLossless(operations);
}

/** Reads what `encodeOperations` wrote. */
export function decodeOperations(text: string): DecidedOperation[] {
  return parseLossless(text) as DecidedOperation[];
}

/** Mapped records that are decided later as one JSON text, lossless like batches. */
export function encodeDeferred(records: readonly DeferredRecord[]): string {
  return stringifyLossless(records);
}

/** Reads what `encodeDeferred` wrote. */
export function decodeDeferred(text: string): DeferredRecord[] {
  return parseLossless(text) as DeferredRecord[];
}
