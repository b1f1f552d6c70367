import type { Decision } from './entity-log.ts';
import type { SourceTime } from './golden-record.ts';
import type { Json } from './json.ts';

/** A value that a source gave and that the record does not have. */
export interface LostValue {
  readonly value: Json;
  readonly source: string;
  readonly at: SourceTime;
  /** The rule that refused it, or that had taken it before it was overwritten. */
  readonly by: Decision;
  /** `merged`: a record that was merged into this one had it. */
  readonly how: 'refused' | 'overwritten' | 'merged';
  /** The cycle that decided; null when only the system itself still tells of the value. */
  readonly cycle: number | null;
}

/** The origin of a field's value. */
export interface FieldOrigin {
  readonly value: Json;
  /** The source; `_` for a derived field, `manual` for one that a person has set. */
  readonly source: string;
  readonly at: SourceTime;
  readonly by: Decision;
  /** The cycle that set it. */
  readonly cycle: number;
  /** The reason that a person gave. */
  readonly reason?: string;
  /** What each other source said last and what was not taken or did not stay, newest first. */
  readonly lost: readonly LostValue[];
}
