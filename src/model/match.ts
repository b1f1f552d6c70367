import type { Field } from './field.ts';

/** How text keys are compared. Default: exactly. */
export interface Match {
  readonly caseInsensitive: boolean;
  readonly trim: boolean;
}

/** How the keys of one destination are compared. */
export interface KeyMatch extends Match {
  /** The destination's key fields, in order, where their types are known: keys compare as their values do there. */
  readonly fields?: readonly (Field | undefined)[];
  /** An empty text is a key like any other: the source has types, and would hold null for none. Default false. */
  readonly emptyIsKey?: boolean;
}
