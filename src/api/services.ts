import type { LogEntry } from '../model/entity-log.ts';
import type { EntitySpec } from '../model/entity.ts';
import type { RecordId } from '../model/golden-record.ts';
import type { Json, JsonObject } from '../model/json.ts';
import type { RecordError } from '../model/outcome.ts';
import type { Preview } from '../model/preview.ts';
import type { Run, RunOptions, RunStatus } from '../model/run.ts';
import type { StreamInfo } from '../model/stream.ts';
import type { SyncSpec } from '../model/sync.ts';

/**
 * What the API needs from the rest of Sluice. Every method may throw an `ApiProblem`, a `ConfigError`
 * (answered with 422), a `TransientError` or a `LimitedError` (both 503).
 */
export interface Services {
  /** Which of the parts that the API depends on answer now. Never throws. */
  ready(): Promise<Readiness>;
  readonly syncs: SyncService;
  readonly connections: ConnectionService;
  readonly runs: RunService;
  readonly entities: EntityService;
}

/** Which parts answer; `worker` is true when at least one polls. */
export interface Readiness {
  readonly temporal: boolean;
  readonly database: boolean;
  readonly worker: boolean;
}

/** The declared syncs. */
export interface SyncService {
  list(): Promise<SyncView[]>;
  get(id: string): Promise<SyncView | null>;
  /** @throws ConfigError where the sync names a connection, mode or field that does not exist */
  put(id: string, spec: SyncSpec): Promise<PutResult>;
  /** False where there is no such sync. @throws ApiProblem 409 while it has an open run */
  remove(id: string): Promise<boolean>;
}

/** Whether `put` made something new. */
export type PutResult = 'created' | 'replaced';

/** A sync with what its schedule is doing. */
export type SyncView = SyncSpec & {
  readonly id: string;
  /** Null where the sync has no schedule. */
  readonly scheduleState: ScheduleState | null;
};

/** What a schedule is doing. */
export interface ScheduleState {
  /** When the sync starts next; absent while paused. */
  readonly next?: Date;
  readonly paused: boolean;
  /** The last tick that found a run open and was skipped. */
  readonly lastSkipped?: Date;
  readonly skippedTicks: number;
}

/** The declared entities, their cycles, and the records they hold. Ids of records are decimal numbers as text. */
export interface EntityService {
  list(): Promise<EntityView[]>;
  get(id: string): Promise<EntityView | null>;
  /** @throws ApiProblem 422 with `errors` where it does not fit its connections or itself; 409 where a sync has the id */
  put(id: string, spec: EntitySpec): Promise<PutResult>;
  /**
   * Deletes the entity with all that was kept of it. False where there is none.
   * @throws ApiProblem 409 while it has an open cycle or an open run of a destination
   */
  remove(id: string): Promise<boolean>;
  /**
   * Starts a cycle. An open one that only waits for its destinations gives way to it.
   * @throws ApiProblem 404 for an unknown entity; 409 with the open cycle's run (`run`) where one is open
   */
  start(id: string, options: CycleOptions): Promise<Run>;
  /**
   * Records in the order of their ids. A page may hold fewer than `limit` and not be the last.
   * @throws ConfigError where `where` is no expression over the entity's fields
   */
  records(
    id: string,
    filter: RecordFilter,
  ): Promise<{ records: GoldenView[]; next: string | null }>;
  record(id: string, record: RecordId): Promise<GoldenView | null>;
  /** Erases all that Sluice keeps of a record. False where there is none. @throws ApiProblem 409 as `remove` */
  erase(id: string, record: RecordId): Promise<boolean>;
  /** What cycles did to a record, newest first. */
  history(id: string, record: RecordId, page: Page): Promise<LogPage>;
  /** What a cycle did, by record. @param cycle the entity's number of the cycle, as log entries have it */
  changes(id: string, cycle: number, page: Page): Promise<LogPage>;
  /** How far each destination is behind. */
  lag(id: string): Promise<Record<string, DestinationLag>>;
  /** Records that look like duplicates and were not merged. */
  duplicates(id: string): Promise<DuplicateGroup[]>;
}

/** An entity with what its schedule is doing. */
export type EntityView = EntitySpec & {
  readonly id: string;
  /** Null where the entity has no schedule. */
  readonly scheduleState: ScheduleState | null;
};

/** What a caller may ask of a cycle. */
export interface CycleOptions {
  /** Read the sources from the beginning. */
  readonly full?: boolean;
  /** Go on with further cycles until no source holds more. */
  readonly drain?: boolean;
}

/** Which records to list. */
export interface RecordFilter extends Page {
  /** A CEL condition over the entity's fields. */
  readonly where?: string;
  /** Also deleted records. */
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
  /** The record that it was merged into. */
  readonly mergedInto: RecordId | null;
}

/** An entry of the transaction log as it is kept. */
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

/** How far a destination is behind. */
export interface DestinationLag {
  /** Records that changed since the last delivery. */
  readonly records: number;
  /** Age of the oldest change that was not delivered. */
  readonly seconds: number;
  /** How far the change log was delivered; null: nothing yet. */
  readonly watermark: string | null;
}

/** Records that look like duplicates and were not merged, and why. */
export interface DuplicateGroup {
  readonly records: readonly RecordId[];
  readonly reason: string;
  readonly cycle: number;
  readonly at: Date;
}

/** The connections. Secrets go in and never come out. */
export interface ConnectionService {
  list(): Promise<ConnectionView[]>;
  get(id: string): Promise<ConnectionView | null>;
  /** @throws ConfigError where the type is unknown or the settings don't fit it */
  put(id: string, connection: ConnectionInput): Promise<PutResult>;
  /** False where there is no such connection. @throws ApiProblem 409 while a sync uses it */
  remove(id: string): Promise<boolean>;
  /** Tries the connection. @throws ApiProblem 404 where there is none */
  check(id: string): Promise<CheckResult>;
  /** Discovers the streams. @throws ApiProblem 404 where there is no such connection */
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

/** Whether a connection works, or why not. */
export type CheckResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** The runs. */
export interface RunService {
  /** @throws ApiProblem 404 for an unknown sync; 409 with the open run's id (`openRun`) where one is open */
  start(sync: string, options: RunOptions): Promise<Run>;
  get(id: string): Promise<Run | null>;
  /** The run as the state database has it: a moment behind `get`, and it costs nothing on Temporal. */
  glance(id: string): Promise<Run | null>;
  /** What a dry run would do; null where the run has no preview (any more). */
  preview(id: string): Promise<Preview | null>;
  /** The runs of the destinations of those that are cycles, in the order they began. */
  children(runs: readonly Run[]): Promise<Run[]>;
  /** Newest first. */
  list(filter: RunFilter): Promise<{ runs: Run[]; next: string | null }>;
  errors(id: string, page: Page): Promise<{ errors: RecordError[]; next: string | null }>;
  /** @throws ApiProblem 404 for an unknown run, 409 for one that is over; so do `resume`, `cancel` and `approve` */
  pause(id: string): Promise<Run>;
  resume(id: string): Promise<Run>;
  cancel(id: string): Promise<Run>;
  /** Lets a run remove what waits for approval. */
  approve(id: string): Promise<Run>;
  /** Starts a new run of the records that failed in this one. @throws as `start`; ApiProblem 409 for a cycle */
  retryErrors(id: string): Promise<Run>;
}

/** One page of a list; `after` is the `next` of the page before. */
export interface Page {
  readonly limit: number;
  readonly after?: string;
}

/** Which runs to list. */
export interface RunFilter extends Page {
  readonly sync?: string;
  /** Only cycles of this entity. */
  readonly entity?: string;
  readonly status?: RunStatus;
}
