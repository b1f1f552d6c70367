import type { LogEntry } from '../model/entity-log.ts';
import type { EntitySpec } from '../model/entity.ts';
import type { FieldOrigin } from '../model/field-origin.ts';
import type { RecordId } from '../model/golden-record.ts';
import type { Json, JsonObject } from '../model/json.ts';
import type { RecordError } from '../model/outcome.ts';
import type { Preview } from '../model/preview.ts';
import type { Run, RunOptions, RunStatus } from '../model/run.ts';
import type { StreamInfo } from '../model/stream.ts';
import type { SyncSpec } from '../model/sync.ts';

/**
 * The services that the API needs from the rest of Sluice. Every method may throw an `ApiProblem`, a `ConfigError`
 * (answered with 422), a `TransientError` or a `LimitedError` (both 503).
 */
export interface Services {
  /** Tells which of the parts that the API depends on answer now. Never throws. */
  ready(): Promise<Readiness>;
  readonly syncs: SyncService;
  readonly connections: ConnectionService;
  readonly runs: RunService;
  readonly entities: EntityService;
}

/** The parts that answer; `worker` is true when at least one worker polls. */
export interface Readiness {
  readonly temporal: boolean;
  readonly database: boolean;
  readonly worker: boolean;
}

/** The declared syncs. */
export interface SyncService {
  list(): Promise<SyncView[]>;
  get(id: string): Promise<SyncView | null>;
  /** @throws ConfigError when the sync names a connection, mode or field that does not exist */
  put(id: string, spec: SyncSpec): Promise<PutResult>;
  /**
   * Returns false when there is no such sync.
   * @throws ApiProblem 409 while it has an open run
   */
  remove(id: string): Promise<boolean>;
}

/** The effect of `put`: a new thing, or a new version of an existing one. */
export type PutResult = 'created' | 'replaced';

/** A sync with the state of its schedule. */
export type SyncView = SyncSpec & {
  readonly id: string;
  /** The state of the schedule; null when the sync has none. */
  readonly scheduleState: ScheduleState | null;
};

/** The state of a schedule. */
export interface ScheduleState {
  /** The time of the next start; absent while paused. */
  readonly next?: Date;
  readonly paused: boolean;
  /** The time of the last tick that was skipped because a run was open. */
  readonly lastSkipped?: Date;
  readonly skippedTicks: number;
}

/** The declared entities, their cycles, and the records that they hold. Ids of records are decimal numbers as text. */
export interface EntityService {
  list(): Promise<EntityView[]>;
  get(id: string): Promise<EntityView | null>;
  /**
   * @throws ApiProblem 422 with `errors` when it does not fit its connections or itself; 409 when a sync has the id
   */
  put(id: string, spec: EntitySpec): Promise<PutResult>;
  /**
   * Deletes the entity with everything that was kept of it. Returns false when there is none.
   * @throws ApiProblem 409 while it has an open cycle or an open run of a destination
   */
  remove(id: string): Promise<boolean>;
  /**
   * Starts a cycle. An open cycle that only waits for its destinations gives way to it.
   * @throws ApiProblem 404 for an unknown entity; 409 with the open cycle's run (`run`) when one is open
   */
  start(id: string, options: CycleOptions): Promise<Run>;
  /**
   * Returns records sorted by id. A page may hold fewer than `limit` and not be the last.
   * @throws ConfigError when `where` is no expression over the entity's fields
   */
  records(
    id: string,
    filter: RecordFilter,
  ): Promise<{ records: GoldenView[]; next: string | null }>;
  record(id: string, record: RecordId): Promise<GoldenView | null>;
  /** Returns the origin of each field of a live record; of any other record, none. */
  origins(id: string, record: RecordId): Promise<Record<string, FieldOrigin>>;
  /**
   * Sets a field of a live record by hand; no source changes it until that is taken back.
   * @throws ApiProblem 404 without the record; 422 for an unknown or derived field, or a value that is not of its type;
   *   409 while the entity has an open cycle
   */
  setField(id: string, record: RecordId, set: FieldByHand): Promise<void>;
  /**
   * Takes back what a person set: the field's authority decides among what the sources said last.
   * @throws ApiProblem 404 when the field was not set by hand; 409 as `setField`
   */
  takeBackField(id: string, record: RecordId, field: string): Promise<void>;
  /**
   * Erases everything that Sluice keeps of a record. Returns false when there is none.
   * @throws ApiProblem 409 as `remove`
   */
  erase(id: string, record: RecordId): Promise<boolean>;
  /** Returns what cycles did to a record, newest first. */
  history(id: string, record: RecordId, page: Page): Promise<LogPage>;
  /**
   * Returns what one cycle did, by record.
   * @param cycle the number of the cycle, counted per entity, as in log entries
   */
  changes(id: string, cycle: number, page: Page): Promise<LogPage>;
  /** Returns the lag of each destination, by name. */
  lag(id: string): Promise<Record<string, DestinationLag>>;
  /** Returns groups of records that look like duplicates and were not merged. */
  duplicates(id: string): Promise<DuplicateGroup[]>;
}

/** A value that a person sets by hand. */
export interface FieldByHand {
  readonly field: string;
  readonly value: Json;
  readonly reason: string;
}

/** An entity with the state of its schedule. */
export type EntityView = EntitySpec & {
  readonly id: string;
  /** The state of the schedule; null when the entity has none. */
  readonly scheduleState: ScheduleState | null;
};

/** The options that a caller may set for a cycle. */
export interface CycleOptions {
  /** True reads the sources from the beginning. */
  readonly full?: boolean;
  /** True runs further cycles until no source holds more. */
  readonly drain?: boolean;
}

/** The selection of records to list. */
export interface RecordFilter extends Page {
  /** A CEL condition over the entity's fields. */
  readonly where?: string;
  /** True lists deleted records too. */
  readonly deleted?: boolean;
}

/** A unified record. */
export interface GoldenView {
  readonly id: RecordId;
  readonly values: JsonObject;
  readonly ids: readonly { readonly system: string; readonly id: string }[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deleted: boolean;
  /** The record that it was merged into; null when it was not merged. */
  readonly mergedInto: RecordId | null;
}

/** An entry of the transaction log, with its cycle, run and time. */
export type StoredEntry = LogEntry & {
  readonly cycle: number;
  readonly run: string;
  readonly at: Date;
};

/** A page of the transaction log. */
export interface LogPage {
  readonly entries: readonly StoredEntry[];
  readonly next: string | null;
}

/** The lag of a destination: what it has not received yet. */
export interface DestinationLag {
  /** The number of records that changed since the last delivery or were refused. */
  readonly records: number;
  /** The number of records among them that the destination refused when they were last delivered. */
  readonly refused: number;
  /** The age of the oldest change that was not delivered, in seconds. */
  readonly seconds: number;
  /** The position up to which the change log was delivered; null when nothing was. */
  readonly watermark: string | null;
}

/** Records that look like duplicates and were not merged, with the reason. */
export interface DuplicateGroup {
  readonly records: readonly RecordId[];
  readonly reason: string;
  readonly cycle: number;
  readonly at: Date;
}

/** The connections. Their secrets go in and never come out. */
export interface ConnectionService {
  list(): Promise<ConnectionView[]>;
  get(id: string): Promise<ConnectionView | null>;
  /** @throws ConfigError when the type is unknown or the settings do not fit it */
  put(id: string, connection: ConnectionInput): Promise<PutResult>;
  /**
   * Returns false when there is no such connection.
   * @throws ApiProblem 409 while a sync or an entity uses it
   */
  remove(id: string): Promise<boolean>;
  /**
   * Tries the connection.
   * @throws ApiProblem 404 when there is none
   */
  check(id: string): Promise<CheckResult>;
  /**
   * Discovers the streams.
   * @throws ApiProblem 404 when there is no such connection
   */
  streams(id: string): Promise<StreamInfo[]>;
}

/** A connection as it is declared: its `type` and that type's settings. */
export interface ConnectionInput {
  readonly type: string;
  readonly [setting: string]: unknown;
}

/** A connection without its secrets. */
export interface ConnectionView {
  readonly id: string;
  readonly type: string;
  readonly [setting: string]: Json;
}

/** The result of a check: the connection works, or the reason why not. */
export type CheckResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** The runs. */
export interface RunService {
  /** @throws ApiProblem 404 for an unknown sync; 409 with the open run's id (`run`) when one is open */
  start(sync: string, options: RunOptions): Promise<Run>;
  get(id: string): Promise<Run | null>;
  /** Returns the run as the state database has it: a moment behind `get`, without a call to Temporal. */
  getStored(id: string): Promise<Run | null>;
  /** Returns what a dry run would do; null when the run has no preview (any more). */
  preview(id: string): Promise<Preview | null>;
  /** Returns the destinations' runs of those `runs` that are cycles, in the order in which they began. */
  children(runs: readonly Run[]): Promise<Run[]>;
  /** Returns runs, newest first. */
  list(filter: RunFilter): Promise<{ runs: Run[]; next: string | null }>;
  errors(id: string, page: Page): Promise<{ errors: RecordError[]; next: string | null }>;
  /**
   * @throws ApiProblem 404 for an unknown run, 409 for one that is over; `resume`, `cancel` and `approve` do the same
   */
  pause(id: string): Promise<Run>;
  resume(id: string): Promise<Run>;
  cancel(id: string): Promise<Run>;
  /** Lets a run remove the records that wait for approval. */
  approve(id: string): Promise<Run>;
  /**
   * Starts a new run of the records that failed in this one.
   * @throws as `start`; ApiProblem 409 for a cycle
   */
  retryErrors(id: string): Promise<Run>;
}

/** One page of a list; `after` is the `next` of the page before. */
export interface Page {
  readonly limit: number;
  readonly after?: string;
}

/** The selection of runs to list. */
export interface RunFilter extends Page {
  readonly sync?: string;
  /** Only cycles of this entity. */
  readonly entity?: string;
  readonly status?: RunStatus;
}
