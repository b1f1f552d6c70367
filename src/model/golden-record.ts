import type { JsonObject } from './json.ts';

/** The id of a record of an entity: a decimal number as text. */
export type RecordId = string;

/**
 * The time at which a source says that a record changed: a timestamp in UTC to the microsecond
 * (`2026-01-02T03:04:05.000006Z`), a date where the source tells no more (`2026-01-02`), or the digits of a number; null
 * when the source does not say. Compare with `compareTimes`.
 */
export type SourceTime = string | null;

/** The source of a value that a person has set by hand. No declared source may have this name. */
export const manualSource = 'manual';

/** The origin of a field's value: who set it last, when, and in which cycle of the entity. */
export interface Provenance {
  /** The source; `_` for a derived field, {@link manualSource} for one that a person has set. */
  readonly source: string;
  readonly at: SourceTime;
  readonly cycle: number;
  /**
   * Of a ranked field: the origin of the value that the field had before this cycle set it. A value must be newer than
   * that one, even where it replaces another of the same cycle.
   */
  readonly over?: Pick<Provenance, 'source' | 'at'>;
  /** The reason that a person gave who set the field by hand. */
  readonly reason?: string;
}

/** One golden record: the unified record of an entity. */
export interface GoldenRecord {
  readonly id: RecordId;
  /** Values by field; absent for a field that was never set. */
  readonly values: JsonObject;
  /** The origin of each field that is set. */
  readonly setBy: Readonly<Record<string, Provenance>>;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A record of a system that belongs to a golden record (ID mapping), with the values that the system last gave. */
export interface SourceRecord {
  /** The name of the source or destination. */
  readonly system: string;
  readonly id: string;
  readonly record: RecordId;
  readonly at: SourceTime;
  /**
   * The entity's fields as the system holds them, as far as Sluice knows: values that it gave or that were written to
   * it. Absent for a field that it never gave.
   */
  readonly values: JsonObject;
  /**
   * The values that the system gave last and that a field's authority refused. A value stays here until the system is
   * seen to hold what was written there instead. A system that spells values its own way gives the same value again,
   * which is then no news.
   */
  readonly refused?: JsonObject;
  /** True when Sluice made the record there, so that it is not one of the system's own. Default false. */
  readonly made?: boolean;
  /**
   * The entity's values that the system was found to hold when an update was left for the sake of an edit there. It is
   * forgotten when the system is read or written.
   */
  readonly edited?: JsonObject;
}

/** A record that a source has changed, mapped to the entity's fields. */
export interface IncomingRecord {
  readonly source: string;
  readonly id: string;
  readonly at: SourceTime;
  readonly values: JsonObject;
  /** True when the source says that the record is deleted; then `values` do not count. */
  readonly deleted: boolean;
}

/** One of the ids that a record has in systems. */
export interface SystemId {
  readonly system: string;
  readonly id: string;
}

/** The change that a chunk of a cycle made to one golden record. */
export interface RecordChange {
  readonly record: GoldenRecord;
  /** True for a new record, which no earlier chunk has stored. */
  readonly created: boolean;
  readonly deleted: boolean;
  readonly mergedInto?: RecordId;
  /** Match keys that the record has now and did not have before. */
  readonly addedKeys: readonly string[];
  readonly removedKeys: readonly string[];
}
