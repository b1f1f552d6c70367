import { parseLossless, stringifyLossless } from '../../model/lossless-json.ts';
import type { RecordBatch } from '../../model/record.ts';
import type { DecidedOperation, DeferredRecord } from '../match/match.ts';
import type { Steps } from './steps.ts';

/**
 * Writes the items of a staged chunk as text and reads them back. Every value comes back as it was, `ExactNumber`s and
 * missing values included.
 */
interface Codec<T> {
  encode(items: readonly T[]): Steps<string>;
  /** Reads a text that `encode` wrote. */
  decode(text: string): Steps<T[]>;
}

/** The number of small items that are written as one line, and read in one step. */
const perLine = 200;

export const batchesCodec = codec<RecordBatch>(1);
export const operationsCodec = codec<DecidedOperation>(perLine);
/** Encodes mapped records that are decided later. */
export const deferredCodec = codec<DeferredRecord>(perLine);
/** Encodes canonical keys. */
export const keysCodec = codec<string>(perLine);

/** Makes a codec whose text has a line of JSON for each list of `count` items. */
function codec<T>(count: number): Codec<T> {
  return {
    *encode(items) {
      const lines: string[] = [];
      for (let at = 0; at < items.length; at += count) {
        lines.push(stringifyLossless(items.slice(at, at + count)));
        yield;
      }
      return lines.join('\n');
    },
    *decode(text) {
      const items: T[] = [];
      if (text === '') return items;
      for (const line of text.split('\n')) {
        for (const item of parseLossless(line) as T[]) items.push(item);
        yield;
      }
      return items;
    },
  };
}
