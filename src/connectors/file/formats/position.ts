import type { JsonObject } from '../../../model/json.ts';
import type { Stored } from '../stored/stored.ts';

/** A place between two records of a file. */
export interface Position {
  /** Bytes before it: of the text in UTF-8, also where the file is compressed or written in another encoding. */
  readonly byte: number;
  /** Line breaks before it, for error messages. */
  readonly line: number;
}

/** The start of a file. */
export const start: Position = { byte: 0, line: 0 };

/** A record and its place. */
export interface Located {
  /** Without a prototype: it has the names that it holds and no others. */
  readonly record: JsonObject;
  /** Where its own text begins and ends, without what separates it from others. Bytes. */
  readonly from: number;
  readonly to: number;
  /** The place after it. */
  readonly end: Position;
  /** Set if it could not be read: why, with its line. The record has what could be read all the same. */
  readonly fault?: string;
}

/** How to read a file's records. */
export interface Reading extends Stored {
  /** CSV only: what stands between two cells. */
  readonly delimiter: string;
  /** CSV only: texts that mean null in a cell without quotes. */
  readonly nulls: ReadonlySet<string>;
}
