import type { JsonObject } from './json.ts';

/** The id of a record of an entity: a decimal number as text. */
export type RecordId = string;

/**
 * When a source says that a record changed: a timestamp in UTC to the microsecond (`2026-01-02T03:04:05.000006Z`), or the
 * digits of a number; null where the source does not say. Compare with `compareTimes`.
 */
export type SourceTime = string | null;

/** Who set a field last, when, and in which cycle of the entity. */
export interface Provenance {
  /** The source; `_` for a derived field. */
  readonly source: string;
  readonly at: SourceTime;
  readonly cycle: number;
}

/** One golden record. */
export interface GoldenRecord {
  readonly id: RecordId;
  /** Values by field; a field that nothing has set is absent. */
  readonly values: JsonObject;
  /** Of every field that is set: who set it. */
  readonly setBy: Readonly<Record<string, Provenance>>;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A record of a system that belongs to a golden record (ID mapping), with what the system last said of it. */
export interface SourceRecord {
  /** The source or destination. */
  readonly system: string;
  readonly id: string;
  readonly record: RecordId;
  readonly at: SourceTime;
  /**
   * The entity's fields as the system holds them, as far as Sluice knows: what it said, or what was written to it.
   * A field that it never said anything of is absent.
   */
  readonly values: JsonObject;
  /**
   * What it said last of fields whose authority refused it, until it is seen to hold what was written there instead: a
   * system that writes values its own way says the same again, which is no news.
   */
  readonly refused?: JsonObject;
}

/** A record that a source has changed, mapped to the entity's fields. */
export interface IncomingRecord {
  readonly source: string;
  readonly id: string;
  readonly at: SourceTime;
  readonly values: JsonObject;
  /** The source says that it is deleted: `values` do not count. */
  readonly deleted: boolean;
}

/** One of the ids that a record has in systems. */
export interface SystemId {
  readonly system: string;
  readonly id: string;
}

/** What a chunk of a cycle did to one golden record. */
export interface RecordChange {
  readonly record: GoldenRecord;
  /** It is new: no earlier chunk has stored it. */
  readonly created: boolean;
  readonly deleted: boolean;
  readonly mergedInto?: RecordId;
  /** Match keys that it has now and had not before. */
  readonly addedKeys: readonly string[];
  readonly removedKeys: readonly string[];
}
