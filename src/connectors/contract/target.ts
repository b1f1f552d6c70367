import type { Field } from '../../model/field.ts';
import type { Match } from '../../model/match.ts';
import type { Permissions } from '../../model/mode.ts';
import type { Encoding, KeyValues } from '../../model/record.ts';
import type { RemovalKind } from '../../model/removal.ts';

/** What all kinds of open destinations have. */
export interface DestinationBase {
  /** Every field that can be written; null where the system takes any. */
  readonly fields: readonly Field[] | null;
  /** With `Target.copied`: those of its fields that the system makes itself, such as generated columns. */
  readonly leavesOut?: readonly string[];
  /**
   * The fewest records that removals must leave, such as 100 people of an audience: a mirror that would leave fewer waits
   * for approval. Default 0.
   */
  readonly leastRecords?: number;
}

/** Which stream to write, and how. */
export interface Target {
  /** The sync this is done for; names staging tables and markers. */
  readonly sync: string;
  /** The run this is opened for. Absent: none, nothing is written. */
  readonly run?: string;
  readonly stream: string;
  /** The destination fields that identify a record. */
  readonly key: readonly string[];
  /** The destination fields that the sync maps: the only ones ever written, but for the key on create. */
  readonly fields: readonly string[];
  /** The sync declares no `fields`: these are all of its source, those that a system makes itself are left out. */
  readonly copied?: boolean;
  /** What key and fields hold, by their names here, where the source tells: for a system that makes its streams. */
  readonly shapes?: readonly Field[];
  /** How the source writes its values: texts of `sql` are for the column's own parser. Default `json`. */
  readonly encoding?: Encoding;
  /** Nothing may be written, also no stream be made. */
  readonly dryRun?: boolean;
  /**
   * The sync copies every field that its records bring: `fields` are those known so far, any may be written, and look-ups
   * tell the values of all. Default false.
   */
  readonly rest?: boolean;
  /**
   * The destination field that holds the system's own id of a record, such as a serial primary key. With it `Existing.id`
   * and the `id` of every successful write are that field's value as text; an update or remove that comes with an
   * `id` is addressed by it; a create whose key is all null leaves key and id to the system. Absent: the key is all.
   */
  readonly id?: string;
  readonly permissions: Permissions;
  /** How records are removed: one of the role's `removals`. Default: the first of them. */
  readonly removal?: RemovalKind;
  readonly match: Match;
  /** Removals consider only records this sync wrote: the destination keeps track of them if it stages. */
  readonly tracked: boolean;
  /**
   * Under which run's name the keys that a mirror has seen are kept: the first of a chain of runs that continue each
   * other. Default: each run's own.
   */
  readonly seenBy?: string;
  /** Parsed by the role's `options`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Which kind of destination the run was opened with, so that a run never changes kind. Absent when it opens. */
  readonly kind?: 'staging' | 'records' | 'jobs';
}

/** What a mirror would remove. */
export interface RemovalPlan {
  readonly remove: number;
  /** How many records the destination holds (of those in scope), including the ones to remove. */
  readonly of: number;
  /** Keys of some of the records to remove. */
  readonly sample?: readonly KeyValues[];
}
