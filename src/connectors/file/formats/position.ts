import type { JsonObject } from '../../../model/json.ts';
import type { Stored } from '../stored/stored.ts';

/** A place between two records of a file. */
export interface Position {
  /**
   * The number of bytes before it, counted in the text as UTF-8, even when the file is compressed or in another
   * encoding.
   */
  readonly byte: number;
  /** The number of line breaks before it, for error messages. */
  readonly line: number;
}

/** The start of a file. */
export const start: Position = { byte: 0, line: 0 };

/** A record and its place. */
export interface Located {
  /** The record; without a prototype, so that it has no names but its own. */
  readonly record: JsonObject;
  /** The bytes at which its own text begins and ends, without what separates it from other records. */
  readonly from: number;
  readonly to: number;
  /** The position after it. */
  readonly end: Position;
  /** The reason why it could not be read, with its line. The record then holds what could be read. */
  readonly fault?: string;
}

/** A file and the rules for reading its records. */
export interface Reading extends Stored {
  /** CSV only: the text between two cells. */
  readonly delimiter: string;
  /** CSV only: texts that mean null in a cell without quotes. */
  readonly nulls: ReadonlySet<string>;
}
