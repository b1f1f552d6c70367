import type { RecordId, SourceTime } from './golden-record.ts';
import type { Json } from './json.ts';

/** The operation of a cycle on a record. */
export type LogOperation = 'create' | 'update' | 'delete' | 'merge';

/** The rule that took or refused a value: an authority, a derived field or a merge policy. */
export type Decision =
  | 'only' // no other source sets the field
  | 'latest'
  | 'ranked'
  | 'owner'
  | 'manual' // a person set the field by hand, or took that back
  | 'derived'
  | 'fill'
  | 'newest';

/** One field that changed; null stands for a value that is null or was never set. */
export interface FieldChange {
  readonly field: string;
  readonly old: Json;
  readonly new: Json;
  /**
   * The source that gave the value. After a merge: the source that had set it in the loser. `_` for a derived field.
   */
  readonly source: string;
  readonly at: SourceTime;
  readonly by: Decision;
  /** The reason that a person gave who set the field by hand. */
  readonly reason?: string;
}

/** A value that a source gave and that the field's authority refused. */
export interface RefusedValue {
  readonly field: string;
  readonly value: Json;
  readonly source: string;
  readonly at: SourceTime;
  readonly by: Decision;
}

/** An id of a system that was attached to the record, detached from it or moved by a merge. */
export interface IdChange {
  readonly system: string;
  readonly id: string;
  readonly change: 'attached' | 'detached' | 'moved';
  /**
   * The reason. `new`: the record was made for it; `match`: a match rule found the record; `written`: Sluice created it
   * at a destination; `deleted`: the source deleted it; `merge`: its record was merged.
   */
  readonly by: 'new' | 'match' | 'written' | 'deleted' | 'merge';
}

/** All that one cycle did to one record. A record has at most one entry per cycle. */
export interface LogEntry {
  readonly record: RecordId;
  readonly operation: LogOperation;
  readonly changes: readonly FieldChange[];
  readonly refused: readonly RefusedValue[];
  readonly ids: readonly IdChange[];
  /** In the winner of a merge: the records merged into it. In a loser: the winner. */
  readonly merged: readonly RecordId[];
}
