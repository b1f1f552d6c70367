import { ExactNumber } from '../model/json.ts';
import type { RecordBatch } from '../model/record.ts';
import type { DecidedOperation, DeferredRecord } from './match.ts';

// What JSON lacks travels as a text that starts with NUL; a text that itself starts with NUL gets an escape.
const mark = '\u0000';
const missing = `${mark}u`;
const exact = `${mark}n`;
const escaped = `${mark}s`;

/** Batches as one JSON text for a staged chunk; every value comes back as it was, `ExactNumber`s and missing ones too. */
export function encodeBatches(batches: readonly RecordBatch[]): string {
  return JSON.stringify(pack(batches));
}

/** Reads what `encodeBatches` wrote. */
export function decodeBatches(text: string): RecordBatch[] {
  return unpack(JSON.parse(text)) as RecordBatch[];
}

/** Decided operations as one JSON text, lossless like batches. */
export function encodeOperations(operations: readonly DecidedOperation[]): string {
  return JSON.stringify(pack(operations));
}

/** Reads what `encodeOperations` wrote. */
export function decodeOperations(text: string): DecidedOperation[] {
  return unpack(JSON.parse(text)) as DecidedOperation[];
}

/** Mapped records that are decided later as one JSON text, lossless like batches. */
export function encodeDeferred(records: readonly DeferredRecord[]): string {
  return JSON.stringify(pack(records));
}

/** Reads what `encodeDeferred` wrote. */
export function decodeDeferred(text: string): DeferredRecord[] {
  return unpack(JSON.parse(text)) as DeferredRecord[];
}

function pack(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? escaped + value : value;
  if (value === undefined) return missing;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof ExactNumber) return exact + value.digits;
  if (Array.isArray(value)) return value.map(pack);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, pack(member)]));
}

function unpack(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? unpackText(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(unpack);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unpack(member)]));
}

function unpackText(text: string): unknown {
  if (text === missing) return undefined;
  return text.startsWith(exact)
    ? new ExactNumber(text.slice(exact.length))
    : text.slice(escaped.length);
}
