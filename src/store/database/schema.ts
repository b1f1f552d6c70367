import type { ColumnType } from 'kysely';
import type { MissingSource } from '../../model/cycle.ts';
import type { EntitySpec } from '../../model/entity.ts';
import type { LogEntry } from '../../model/entity-log.ts';
import type { Mode } from '../../model/mode.ts';
import type { Operation } from '../../model/outcome.ts';
import type {
  Run,
  RunFailure,
  RunOptions,
  RunOutcome,
  RunPhase,
  RunStatus,
  RunWarning,
} from '../../model/run.ts';
import type { SyncSpec } from '../../model/sync.ts';

/**
 * A column: its type in the database, and those of the values that are read and written. `Insert` allows undefined where a
 * row may be inserted without it.
 */
interface Column<Select, Insert = Select> {
  readonly type: string;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  /** Never there: it only carries the types. */
  readonly values?: readonly [Select, Insert];
}

function column<Select, Insert = Select>(type: string): Column<Select, Insert> {
  return { type, nullable: false, hasDefault: false };
}

function nullable<S, I>(of: Column<S, I>): Column<S | null, I | null | undefined> {
  return { type: of.type, nullable: true, hasDefault: of.hasDefault };
}

function defaulted<S, I>(of: Column<S, I>): Column<S, I | undefined> {
  return { type: of.type, nullable: of.nullable, hasDefault: true };
}

/** A JSON column: written as text, read as what the text means. */
function json<T>(type: 'json' | 'jsonb' = 'jsonb'): Column<T, string> {
  return column(type);
}

function text<T extends string = string>(): Column<T> {
  return column('text');
}

const int = column<number>('integer');
/** Read as text, since it may exceed what a number holds exactly. */
const bigint = column<string, string | number>('bigint');
const bool = column<boolean>('boolean');
const bytes = column<Buffer>('bytea');
const time = column<Date>('timestamp with time zone');
const name = text();

/** Every table of the state database, as the migrations leave it. */
export const tables = {
  connections: { id: name, type: name, settings: bytes, updated_at: defaulted(time) },
  connection_memory: { connection: name, name, version: defaulted(bigint), data: bytes },
  syncs: {
    id: name,
    spec: json<SyncSpec>(),
    updated_at: defaulted(time),
    entity: nullable(name),
  },
  runs: {
    id: name,
    sync: name,
    mode: nullable(text<Mode>()),
    options: json<RunOptions>(),
    spec: nullable(json<SyncSpec>()),
    kind: nullable(text<'staging' | 'records' | 'jobs'>()),
    since: nullable(bytes),
    until: nullable(bytes),
    settled: nullable(bytes),
    status: defaulted(text<RunStatus>()),
    phase: defaulted(text<RunPhase>()),
    outcome: nullable(text<RunOutcome>()),
    failure: nullable(json<RunFailure>()),
    removal: nullable(json<Run['removal']>()),
    watermark: nullable(bytes),
    warnings: defaulted(json<RunWarning[]>()),
    waiting_until: nullable(time),
    failing_since: nullable(time),
    started_at: defaulted(time),
    opened_at: nullable(time),
    finished_at: nullable(time),
    tidied_at: nullable(time),
    steered_at: nullable(time),
    origin: nullable(name),
    start_cursor: nullable(bytes),
    start_done: nullable(bool),
    entity: nullable(name),
    entity_spec: nullable(json<EntitySpec>('json')),
    parent: nullable(name),
    more: nullable(bool),
    missing: defaulted(json<MissingSource[]>()),
  },
  skipped_ticks: { sync: name, at: defaulted(time), open_run: nullable(name) },
  chunks: {
    run: name,
    reading: defaulted(name),
    no: int,
    token: defaulted(bigint),
    staged_by: defaulted(bigint),
    state: defaulted(text<'claimed' | 'staged' | 'matched' | 'exported' | 'interrupted'>()),
    cursor: nullable(bytes),
    last: defaulted(bool),
    highest: nullable(bytes),
    counts: nullable(json<Record<string, number>>()),
    claimed_at: nullable(time),
    took_ms: nullable(int),
    imported: defaulted(int),
    created: defaulted(int),
    updated: defaulted(int),
    unchanged: defaulted(int),
    skipped_mode: defaulted(int),
    skipped_filter: defaulted(int),
    skipped_duplicate: defaulted(int),
    skipped_edited: defaulted(int),
    removed: defaulted(int),
    errors: defaulted(int),
    remove_errors: defaulted(int),
  },
  staged: { run: name, no: int, kind: name, data: bytes },
  journal: { run: name, no: int, seq: int, outcome: nullable(bytes) },
  jobs: {
    run: name,
    no: int,
    kind: text<'import' | 'export'>(),
    part: int,
    submission: name,
    reference: nullable(bytes),
    done: defaulted(bool),
    submitted_at: defaulted(time),
  },
  passes: { run: name, source: name, reading: name, position: nullable(bytes) },
  previews: { run: name, step: defaulted(name), no: int, data: bytes, at: defaulted(time) },
  record_errors: {
    id: defaulted(bigint),
    run: name,
    reading: defaulted(name),
    no: int,
    operation: text<Operation>(),
    code: name,
    field: nullable(name),
    retryable: bool,
    content: bytes,
  },
  seen_keys: { run: name, key_hash: bytes },
  ledger: {
    sync: name,
    key_hash: bytes,
    key: bytes,
    record_id: nullable(bytes),
    value_hash: nullable(bytes),
  },
  watermarks: {
    sync: name,
    fingerprint: name,
    value: nullable(bytes),
    seen: nullable(bytes),
    run: name,
    updated_at: defaulted(time),
  },
  quotas: { connection: name, version: defaulted(bigint), state: json<unknown>() },
  long_windows: { connection: name, version: defaulted(bigint), state: json<unknown>() },
  hash_key: { one: defaulted(bool), sealed: bytes },
  entities: {
    id: name,
    no: defaulted(int),
    spec: json<EntitySpec>('json'),
    cycle: defaulted(bigint),
    completed_by: nullable(name),
    rules: nullable(name),
    merges: nullable(name),
    updated_at: defaulted(time),
  },
  entity_records: {
    entity: int,
    id: bigint,
    seq: bigint,
    cycle: bigint,
    data: bytes,
    created_at: time,
    updated_at: time,
    changed_at: defaulted(time),
    remade: defaulted(int),
    deleted: defaulted(bool),
    merged_into: nullable(bigint),
    merge_due: defaulted(bool),
  },
  entity_ids: {
    entity: int,
    hash: bytes,
    system: name,
    record: bigint,
    data: bytes,
    extra: defaulted(bool),
  },
  entity_keys: { entity: int, hash: bytes, record: bigint },
  entity_log: {
    entity: int,
    record: bigint,
    cycle: bigint,
    run: name,
    operation: text<LogEntry['operation']>(),
    data: bytes,
    at: time,
  },
  entity_positions: { entity: int, source: name, fingerprint: name, position: bytes, run: name },
  entity_seen: { run: name, source: name, hash: bytes },
  entity_refused: {
    entity: int,
    destination: name,
    record: bigint,
    run: name,
    tries: int,
    since: time,
    due: time,
  },
  entity_missing: { entity: int, source: name, since: time },
  entity_groups: {
    entity: int,
    cycle: bigint,
    records: column<string[]>('ARRAY'),
    reason: name,
    at: defaulted(time),
  },
};

type Tables = typeof tables;

type TypeOf<C> =
  C extends Column<infer Select, infer Insert> ? ColumnType<Select, Insert, Insert> : never;

/** The tables as Kysely knows them. */
export type Schema = { [T in keyof Tables]: { [C in keyof Tables[T]]: TypeOf<Tables[T][C]> } };
