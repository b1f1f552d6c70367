import type { Field } from '../../model/field.ts';
import type { Match } from '../../model/match.ts';
import type { Permissions } from '../../model/mode.ts';
import type { Encoding, KeyValues } from '../../model/record.ts';
import type { RemovalKind } from '../../model/removal.ts';

/** The part that all kinds of open destinations share. */
export interface DestinationBase {
  /** Every field that can be written; null when the system takes any. */
  readonly fields: readonly Field[] | null;
  /** With `Target.copied`: the fields that the system fills itself, such as generated columns. They are left out. */
  readonly leavesOut?: readonly string[];
  /**
   * The number of records that removals must leave, such as 100 people of an audience. A mirror that would leave fewer
   * waits for approval. Default 0.
   */
  readonly leastRecords?: number;
}

/** The stream to write, and the terms of the writing. */
export interface Target {
  /** The id of the sync. It names staging tables and markers. */
  readonly sync: string;
  /** The id of the run. Absent: there is no run, and nothing is written. */
  readonly run?: string;
  readonly stream: string;
  /** The destination fields that identify a record. */
  readonly key: readonly string[];
  /** The destination fields that the sync maps. No other field is ever written, except the key on create. */
  readonly fields: readonly string[];
  /**
   * True when the sync declares no `fields`, so `fields` are all of its source's. Leave out those that the system fills
   * itself.
   */
  readonly copied?: boolean;
  /** The types of key and fields as the source tells them, named as here, for a system that creates the stream. */
  readonly shapes?: readonly Field[];
  /** The encoding of the source's values. With `sql`, the column's own type parses their texts. Default `json`. */
  readonly encoding?: Encoding;
  /** True when nothing may be written and no stream created. Default false. */
  readonly dryRun?: boolean;
  /**
   * True when the sync copies every field that its records bring. Then `fields` are only those known so far; any field
   * may be written, and look-ups return all fields. Default false.
   */
  readonly rest?: boolean;
  /**
   * The destination field that holds the system's own id of a record, such as a serial primary key. Absent: records are
   * only known by their key. If present:
   * - `Existing.id` and the `id` of every successful write are the field's value, as text;
   * - an update or remove that has an `id` is addressed by it;
   * - a create whose key is all null leaves key and id to the system.
   */
  readonly id?: string;
  /**
   * True when the stream is read too, so that edits made there count. Then results tell how the system stores what it is
   * given (rounded, trimmed, changed by a trigger), and an update is not made once its `before` does not hold any more.
   * Default false.
   */
  readonly twoWay?: boolean;
  readonly permissions: Permissions;
  /** The way to remove records, one of the role's `removals`. Default: the first of them. */
  readonly removal?: RemovalKind;
  readonly match: Match;
  /**
   * True when only records that this sync has written may be removed. A destination that stages keeps track of them.
   */
  readonly tracked: boolean;
  /**
   * The run under whose id a mirror's seen keys are kept: the first in a chain of runs that continue each other.
   * Default: the run itself.
   */
  readonly seenBy?: string;
  /** The options of `destination:`, parsed by the role's `options`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The kind of destination that the run was opened with: open it as that kind again. Absent when the run opens. */
  readonly kind?: 'staging' | 'records' | 'jobs';
}

/** The removals that a mirror would make. */
export interface RemovalPlan {
  /** The number of records to remove. */
  readonly remove: number;
  /** The number of records in scope that the destination holds, including the ones to remove. */
  readonly of: number;
  /** Keys of some of the records to remove. */
  readonly sample?: readonly KeyValues[];
}
