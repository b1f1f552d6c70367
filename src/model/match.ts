import type { Field } from './field.ts';

/** The way in which text keys are compared. Default: exactly. */
export interface Match {
  readonly caseInsensitive: boolean;
  readonly trim: boolean;
}

/** The way in which the keys of one destination are compared. */
export interface KeyMatch extends Match {
  /**
   * The destination's key fields, in order, where their types are known. Keys then compare as values of those types.
   */
  readonly fields?: readonly (Field | undefined)[];
  /**
   * True when an empty text is a key like any other. The source then has types, and would hold null for a missing key.
   * Default false.
   */
  readonly emptyIsKey?: boolean;
}
