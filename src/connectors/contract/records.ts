import type { JsonObject } from '../../model/json.ts';
import type { Operation } from '../../model/outcome.ts';
import type { Encoding, KeyValues } from '../../model/record.ts';
import type { Calls } from './calls.ts';
import type { DestinationBase } from './target.ts';

/** What destinations have in common whose records are looked up by key and written as single operations. */
export interface KeyedDestination extends DestinationBase {
  /** Most operations of one kind that go out at once. */
  readonly batch: Readonly<Record<Operation, number>>;
  /**
   * True where sending the same create twice is harmless (a natural key, or an idempotency key). With `Target.id` the
   * second is answered with the id of the first.
   */
  readonly idempotentCreate: boolean;
  /** Most keys that `lookup` takes at once. */
  readonly lookupBatch: number;
  /**
   * The records that have these keys; several for a key that is not unique, none for an unknown one.
   * Absent: this destination cannot be read, the sync's ledger decides instead.
   * @param values what each key's record is to hold: a system that compares better than its caller says what is the same
   */
  lookup?(
    keys: readonly KeyValues[],
    calls: Calls,
    values?: readonly JsonObject[],
  ): Promise<Existing[]>;
  /** How keys and values of `Existing` are written, but for the key of a lookup. Default `json`. */
  readonly encoding?: Encoding;
  /**
   * The keys as the system would hold them, rounded, padded or spelt in its own way, written as `encoding` says; a key
   * that it could not hold stays as it is. Absent: it holds keys as they are given.
   */
  storedKeys?(keys: readonly KeyValues[], calls: Calls): Promise<KeyValues[]>;
  /** All records, in pages: key and id are enough. Absent: mirror works only with `removal.scope: tracked`. */
  scan?(calls: Calls): AsyncIterable<readonly Existing[]>;
  /**
   * How values come that JSON holds in a form of its own: bytes, arrays and JSON of a SQL source. `sql`: as the source
   * prints them. Default `json`.
   */
  readonly takes?: Encoding;
  /**
   * Called once all chunks are exported, before the run ends; may be repeated after a crash.
   * @param written how many operations of the run were acknowledged
   */
  finish?(run: string, written: number, calls: Calls): Promise<void>;
  /** Called last, however the run ended: drops what is kept of it. What `finish` has not made visible never becomes so. */
  forget?(run: string, calls: Calls): Promise<void>;
}

/** A destination that takes records one by one or in batches: an API, a file, a database without staging rights. */
export interface RecordDestination extends KeyedDestination {
  readonly kind: 'records';
  /**
   * Writes operations of one kind, at most `batch` of them, whose keys differ but for creates without one.
   * @param calls whose fence is asked before each call that is made
   * @returns one result per operation, in order
   * @throws RejectedError when the call failed as a whole because of some record; LimitedError when it was refused for its
   *   rate; TransientError when it may be made again
   */
  write(operations: readonly WriteOperation[], calls: Calls): Promise<WriteResult[]>;
  /**
   * Nothing that a run has written is there before `finish`, so that a run that ends early has written nothing: one that
   * continues it reads from the beginning. Default: what is acknowledged is there.
   */
  readonly allAtOnce?: true;
}

/** A record the destination already holds. */
export interface Existing {
  /** Of a lookup: the key that was asked for, which the system may hold in another spelling. */
  readonly key: KeyValues;
  /** The destination's own id of the record; null where the key is all there is. */
  readonly id: string | null;
  /** The mapped fields it holds now; a field it lacks is absent. */
  readonly values: JsonObject;
  /** Of a lookup: the key as the record holds it. Absent: as it was asked for. */
  readonly heldKey?: KeyValues;
  /** The system hides it: it was archived, and an update brings it back. Default false. */
  readonly archived?: boolean;
  /** Of the values that the lookup was given: those that it would store as it holds them. Absent: the caller compares. */
  readonly same?: readonly string[];
}

/** One write. */
export interface WriteOperation {
  readonly operation: Operation;
  /** The key's values, in the order of the target's key fields; null where the system is to assign them (`Target.id`). */
  readonly key: KeyValues;
  /** The destination's id, for update and remove, where `lookup` or the ledger knew it. */
  readonly id: string | null;
  /** Destination field → value. On update: only what differs. On remove: empty. */
  readonly values: JsonObject;
  /** Of an update: the record was archived and is to come back; `values` may be empty. Default false. */
  readonly restore?: boolean;
  /** What the destination held before, for update where it can be read. */
  readonly before?: JsonObject;
  /**
   * The same on every attempt, different for every other create of the destination and for every operation of the
   * call. One that begins with the run's id and `-` means nothing after `forget`.
   */
  readonly idempotencyKey: string;
  /**
   * The number of the run's chunk that it belongs to. Of two operations with one key the one of the higher chunk is the
   * later, even if it comes first because a worker was frozen. Default 0.
   */
  readonly chunk?: number;
}

/** What became of one operation. */
export type WriteResult =
  | { readonly ok: true; readonly id?: string }
  | {
      readonly ok: false;
      /** `limited` and `transient`: send this one again; `record`: it is a record error. */
      readonly class: 'record' | 'limited' | 'transient';
      readonly code: string;
      readonly message: string;
      readonly field?: string;
      /** Of a record: it may go when other records of the run are written, such as one that it refers to. */
      readonly waits?: boolean;
    };
