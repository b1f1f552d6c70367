import { parseLossless, stringifyLossless } from '../../model/lossless-json.ts';
import type { RecordBatch } from '../../model/record.ts';
import type { DecidedOperation, DeferredRecord } from '../match/match.ts';
import type { Steps } from './steps.ts';

/** How items rest as a text in a staged chunk; every value comes back as it was, `ExactNumber`s and missing ones too. */
interface Codec<T> {
  encode(items: readonly T[]): Steps<string>;
  /** Reads what `encode` wrote. */
  decode(text: string): Steps<T[]>;
}

/** Of an item that is small: so many are written as one line, and read as one step. */
const perLine = 200;

export const batchesCodec = codec<RecordBatch>(1);
export const operationsCodec = codec<DecidedOperation>(perLine);
/** Mapped records that are decided later. */
export const deferredCodec = codec<DeferredRecord>(perLine);
/** Canonical keys. */
export const keysCodec = codec<string>(perLine);

/** Lines of JSON, each a list of `count` items. */
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
