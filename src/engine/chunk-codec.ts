import { parseLossless, stringifyLossless } from '../model/lossless-json.ts';
import type { RecordBatch } from '../model/record.ts';
import type { DecidedOperation, DeferredRecord } from './match.ts';
import type { Steps } from './steps.ts';

/** Items that are written as one line, and read as one step. */
const perLine = 200;

/** Batches as a text for a staged chunk; every value comes back as it was, `ExactNumber`s and missing ones too. */
export function encodeBatches(batches: readonly RecordBatch[]): Steps<string> {
  return encode(batches, 1);
}

/** Reads what `encodeBatches` wrote. */
export function decodeBatches(text: string): Steps<RecordBatch[]> {
  return decode<RecordBatch>(text);
}

/** Decided operations as a text, lossless like batches. */
export function encodeOperations(operations: readonly DecidedOperation[]): Steps<string> {
  return encode(operations, perLine);
}

/** Reads what `encodeOperations` wrote. */
export function decodeOperations(text: string): Steps<DecidedOperation[]> {
  return decode<DecidedOperation>(text);
}

/** Mapped records that are decided later as a text, lossless like batches. */
export function encodeDeferred(records: readonly DeferredRecord[]): Steps<string> {
  return encode(records, perLine);
}

/** Reads what `encodeDeferred` wrote. */
export function decodeDeferred(text: string): Steps<DeferredRecord[]> {
  return decode<DeferredRecord>(text);
}

/** Canonical keys as a text. */
export function encodeKeys(keys: readonly string[]): Steps<string> {
  return encode(keys, perLine);
}

/** Reads what `encodeKeys` wrote. */
export function decodeKeys(text: string): Steps<string[]> {
  return decode<string>(text);
}

/** Lines of JSON, each a list of some items. */
function* encode(items: readonly unknown[], count: number): Steps<string> {
  const lines: string[] = [];
  for (let at = 0; at < items.length; at += count) {
    lines.push(stringifyLossless(items.slice(at, at + count)));
    yield;
  }
  return lines.join('\n');
}

function* decode<T>(text: string): Steps<T[]> {
  const items: T[] = [];
  if (text === '') return items;
  for (const line of text.split('\n')) {
    for (const item of parseLossless(line) as T[]) items.push(item);
    yield;
  }
  return items;
}
