import type { JsonObject } from '../../model/json.ts';

/** A place between two records of a file. */
export interface Position {
  /** Bytes before it. */
  readonly byte: number;
  /** Line breaks before it, for error messages. */
  readonly line: number;
}

/** The start of a file. */
export const start: Position = { byte: 0, line: 0 };

/** A record and the place after it. */
export interface Located {
  readonly record: JsonObject;
  readonly end: Position;
}

/** How to read a file's records. */
export interface Reading {
  /** The file's name, for error messages. */
  readonly name: string;
  readonly path: string;
  /** CSV only: what stands between two cells. */
  readonly delimiter: string;
  /** CSV only: what an unquoted empty cell means. */
  readonly empty: 'text' | 'null';
}
