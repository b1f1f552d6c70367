import type { Existing, WriteOperation } from '../../connectors/contract/records.ts';
import type { Field } from '../../model/field.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import type { KeyMatch } from '../../model/match.ts';
import type { Permissions } from '../../model/mode.ts';
import { noStats, type RecordError, type SkipReason, type Stats } from '../../model/outcome.ts';
import { own } from '../../model/own.ts';
import type { Encoding, KeyValues } from '../../model/record.ts';
import { canonicalKey } from '../values/canonical-key.ts';
import type { MappedRecord } from '../mapping/map-record.ts';
import { sameValue } from '../values/same-value.ts';
import type { Steps } from '../run/steps.ts';
import { toJson } from '../values/to-json.ts';

/** A write that is decided and not made yet. */
export interface DecidedOperation extends Omit<WriteOperation, 'idempotencyKey'> {
  /** The text that names the record in the ledger and in idempotency keys. */
  readonly canonicalKey: string;
  /** With a ledger: the hash to store once the destination has accepted the record (R4). */
  readonly hash?: string;
}

/** The result of matching one chunk. */
export interface Decision {
  /** The writes to make, in source order; each key occurs at most once. */
  readonly operations: readonly DecidedOperation[];
  /**
   * Counts of all records but those of the operations: the exporter adds `created`, `updated` and its errors, so that
   * R10 holds.
   */
  readonly stats: Stats;
  readonly errors: readonly RecordError[];
  /** Records that cannot be decided yet, in source order. They count as `imported` and nowhere else in the stats. */
  readonly deferred: readonly DeferredRecord[];
  /**
   * The records that were left alone, because a field that was to be updated was edited at the destination and the edit
   * is not read yet.
   */
  readonly edited: readonly EditedRecord[];
  /** Canonical keys of all records that were seen, failed ones included, filtered ones not: a mirror keeps these. */
  readonly keys: readonly string[];
}

/**
 * A mapped record whose key an earlier chunk is still writing, so the destination's current values do not count yet.
 */
export interface DeferredRecord {
  readonly key: KeyValues;
  readonly values: JsonObject;
}

/** A record that someone edited at the destination. */
export interface EditedRecord {
  readonly key: KeyValues;
  /** The destination's id of the record. */
  readonly id: string | null;
  /** The values that the destination holds, in its encoding. */
  readonly held: JsonObject;
}

/** The rules by which one chunk is decided. */
export interface MatchOptions {
  readonly permissions: Permissions;
  readonly match: KeyMatch;
  /** The encoding and fields of the values that the destination holds. Default: plain JSON, no field known. */
  readonly held?: DestinationFields;
  /** Canonical keys that earlier chunks are still writing. */
  readonly pending?: ReadonlySet<string>;
}

/** The form in which a destination returns the values that it holds. */
export interface DestinationFields {
  readonly encoding: Encoding;
  /** Fields by name; absent for a field whose type the system does not tell. */
  readonly fields: ReadonlyMap<string, Field>;
  /** True when a create may not set some field, or an update may not change one. */
  readonly restricted: boolean;
}

/** The ledger's entry of one record: the hash of the values last accepted, and the record's id in the destination. */
export interface AcceptedRecord {
  readonly hash: string;
  readonly id: string | null;
}

/**
 * Decides a chunk by comparing its records with what the destination holds under their keys.
 * @param records in source order
 */
export function decide(
  records: readonly MappedRecord[],
  existing: readonly Existing[],
  options: MatchOptions,
): Steps<Decision> {
  const held = groupByKey(existing, options.match);
  return decideEach(records, options, (record) => {
    const found = held.get(record.canonicalKey) ?? [];
    if (found.some((one) => one.taken === true)) return 'taken';
    if (found.length > 1) return { ambiguous: found.length };
    const [only] = found;
    if (only === undefined) {
      const values = writable(record.values, 'creatable', options.held);
      return { operation: 'create', id: null, values };
    }
    const values = writable(
      differing(record.values, only, options.held),
      'updatable',
      options.held,
    );
    const restore = only.archived === true;
    if (only.edited?.some((name) => Object.hasOwn(values, name)) === true)
      return { edited: { key: record.key, id: only.id, held: only.values } };
    if (Object.keys(values).length === 0 && !restore) return 'unchanged';
    const before = Object.fromEntries(
      Object.keys(values).map((name) => [name, heldValue(only, name, options.held)]),
    );
    return {
      operation: 'update',
      id: only.id,
      values,
      before,
      ...(only.version !== undefined && { version: only.version }),
      ...(restore && { restore }),
    };
  });
}

/**
 * Decides a chunk for a destination that cannot be read, by what the ledger says was written before. An update carries
 * all mapped values, because it is not known which of them differ.
 * @param ledger entries by canonical key
 * @param hash computes the keyed hash of mapped values
 */
export function decideByLedger(
  records: readonly MappedRecord[],
  ledger: ReadonlyMap<string, AcceptedRecord>,
  hash: (values: JsonObject) => string,
  options: MatchOptions,
): Steps<Decision> {
  return decideEach(records, options, ({ canonicalKey: key, values }) => {
    const known = ledger.get(key);
    const current = hash(values);
    if (known?.hash === current) return 'unchanged';
    const operation = known === undefined ? 'create' : 'update';
    return { operation, id: known?.id ?? null, values, hash: current };
  });
}

function groupByKey(existing: readonly Existing[], match: KeyMatch): Map<string, Existing[]> {
  const groups = new Map<string, Existing[]>();
  for (const record of existing) {
    const key = canonicalKey(record.key, match);
    if (key === null) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [record]);
    else group.push(record);
  }
  return groups;
}

interface KeyedRecord {
  readonly key: KeyValues;
  readonly canonicalKey: string;
  readonly values: JsonObject;
}

type Verdict =
  | 'unchanged'
  | 'taken'
  | { readonly edited: EditedRecord }
  | { readonly ambiguous: number }
  | (Pick<DecidedOperation, 'id' | 'values' | 'before' | 'version' | 'hash' | 'restore'> & {
      readonly operation: 'create' | 'update';
    });

function* decideEach(
  records: readonly MappedRecord[],
  { match, permissions, pending }: MatchOptions,
  judge: (record: KeyedRecord) => Verdict,
): Steps<Decision> {
  const { winners, keys, errors, skipped } = yield* separate(records, match);
  const operations: DecidedOperation[] = [];
  const deferred: DeferredRecord[] = [];
  const edited: EditedRecord[] = [];
  let unchanged = 0;
  for (const record of winners) {
    yield;
    if (pending?.has(record.canonicalKey)) {
      deferred.push({ key: record.key, values: record.values });
      continue;
    }
    const verdict = judge(record);
    if (verdict === 'unchanged') unchanged += 1;
    else if (verdict === 'taken') errors.push(keyTaken(record.key));
    else if ('edited' in verdict) edited.push(verdict.edited);
    else if ('ambiguous' in verdict) errors.push(ambiguous(record.key, verdict.ambiguous));
    else if (!permissions[verdict.operation]) skipped.mode += 1;
    else operations.push({ key: record.key, canonicalKey: record.canonicalKey, ...verdict });
  }
  skipped.edited = edited.length;
  const stats = { ...noStats, imported: records.length, unchanged, skipped, errors: errors.length };
  return { operations, stats, errors, deferred, edited, keys: [...keys] };
}

interface Separated {
  readonly winners: readonly KeyedRecord[];
  readonly keys: ReadonlySet<string>;
  readonly errors: RecordError[];
  readonly skipped: Record<SkipReason, number>;
}

/** Sets aside filtered, failed and keyless records. Of several records with one key the last stays. */
function* separate(records: readonly MappedRecord[], match: KeyMatch): Steps<Separated> {
  const winners = new Map<string, KeyedRecord>();
  const keys = new Set<string>();
  const errors: RecordError[] = [];
  const skipped = { ...noStats.skipped };
  for (const record of records) {
    yield;
    if ('skipped' in record) {
      skipped.filter += 1;
      continue;
    }
    const key = canonicalKey(record.key, match);
    if (key !== null) keys.add(key);
    if ('fault' in record)
      errors.push({ key: record.key, operation: 'match', retryable: false, ...record.fault });
    else if (key === null) errors.push(missingKey(record.key));
    else {
      if (winners.delete(key)) skipped.duplicate += 1;
      winners.set(key, { key: record.key, canonicalKey: key, values: record.values });
    }
  }
  return { winners: [...winners.values()], keys, errors, skipped };
}

function missingKey(key: KeyValues): RecordError {
  const message = 'the record has no value in its key';
  return {
    key: key.some((part) => part !== null) ? key : null,
    operation: 'match',
    code: 'missing_key',
    message,
    retryable: false,
  };
}

function ambiguous(key: KeyValues, count: number): RecordError {
  const message = `${count} records of the destination have this key`;
  return { key, operation: 'match', code: 'ambiguous_match', message, retryable: false };
}

function keyTaken(key: KeyValues): RecordError {
  const message = 'another record has the same key at the destination, where one record has it';
  return { key, operation: 'match', code: 'ambiguous_match', message, retryable: true };
}

function differing(
  values: JsonObject,
  existing: Existing,
  held: DestinationFields | undefined,
): JsonObject {
  const { same } = existing;
  const entries = Object.entries(values).filter(([name, value]: [string, Json]) =>
    same === undefined
      ? !sameValue(value, heldValue(existing, name, held), held?.fields.get(name)?.type)
      : !same.includes(name),
  );
  return Object.fromEntries(entries);
}

/** Keeps the values of fields that the operation may write: a field that only a create may set is not updated. */
function writable(
  values: JsonObject,
  fact: 'creatable' | 'updatable',
  held: DestinationFields | undefined,
): JsonObject {
  if (held === undefined || !held.restricted) return values;
  const entries = Object.entries(values).filter(
    ([name]) => held.fields.get(name)?.[fact] !== false,
  );
  return Object.fromEntries(entries);
}

/** Returns the value that the destination holds in a field, as JSON; null when it has none. */
function heldValue({ values }: Existing, name: string, held: DestinationFields | undefined): Json {
  const value = own(values, name) ?? null;
  const field = held?.fields.get(name);
  return field === undefined ? value : (toJson(value, field, held!.encoding) ?? null);
}
