import type { RecordId, SourceTime } from './golden-record.ts';
import type { Json } from './json.ts';

/** What a cycle did to a record. */
export type LogOperation = 'create' | 'update' | 'delete' | 'merge';

/** Why a value was taken, or refused. */
export type Decision =
  | 'only' // no other source sets the field
  | 'latest'
  | 'ranked'
  | 'owner'
  | 'derived'
  | 'fill'
  | 'newest';

/** One field that changed; null stands for a value that is null or was never set. */
export interface FieldChange {
  readonly field: string;
  readonly old: Json;
  readonly new: Json;
  /** The source whose value it is; of a merge the source that had set it in the loser; `_` for a derived field. */
  readonly source: string;
  readonly at: SourceTime;
  readonly by: Decision;
}

/** A value that a source gave and that its field's authority did not take. */
export interface RefusedValue {
  readonly field: string;
  readonly value: Json;
  readonly source: string;
  readonly at: SourceTime;
  readonly by: Decision;
}

/** An id of a system that came to the record or left it. */
export interface IdChange {
  readonly system: string;
  readonly id: string;
  readonly change: 'attached' | 'detached' | 'moved';
  /** `new`: the record was made for it; `match`: by a match rule; `written`: Sluice made it at a destination. */
  readonly by: 'new' | 'match' | 'written' | 'deleted' | 'merge';
}

/** What one cycle did to one record: at most one entry a record and cycle. */
export interface LogEntry {
  readonly record: RecordId;
  readonly operation: LogOperation;
  readonly changes: readonly FieldChange[];
  readonly refused: readonly RefusedValue[];
  readonly ids: readonly IdChange[];
  /** Of the winner of a merge: the records that went into it; of a loser: the winner. */
  readonly merged: readonly RecordId[];
}
