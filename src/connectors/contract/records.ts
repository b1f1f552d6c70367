import type { JsonObject } from '../../model/json.ts';
import type { Operation } from '../../model/outcome.ts';
import type { Encoding, KeyValues } from '../../model/record.ts';
import type { Calls } from './calls.ts';
import type { DestinationBase } from './target.ts';

/** A destination whose records are looked up by key and written as single operations. */
export interface KeyedDestination extends DestinationBase {
  /** The most operations of each kind that are sent at once. */
  readonly batch: Readonly<Record<Operation, number>>;
  /**
   * True when sending the same create twice is harmless, thanks to a natural key or an idempotency key. With
   * `Target.id` the second answer has the id of the first.
   */
  readonly idempotentCreate: boolean;
  /** The most keys that `lookup` takes at once. */
  readonly lookupBatch: number;
  /**
   * Returns the records that have some keys: several for a key that is not unique, none for an unknown one. Absent: the
   * destination cannot be read, and the sync's ledger decides instead.
   * @param values the values that each key's record is to have. A system that compares values better than its caller
   *   answers with `Existing.same`
   */
  lookup?(
    keys: readonly KeyValues[],
    calls: Calls,
    values?: readonly JsonObject[],
  ): Promise<Existing[]>;
  /** True when `lookup` finds records by whatever fields `Target.key` names. Default: only by those it is made for. */
  readonly findsByAnyField?: true;
  /** The encoding of keys and values in `Existing`, except the key that a lookup asked for. Default `json`. */
  readonly encoding?: Encoding;
  /**
   * Returns keys as the system would store them: rounded, padded or spelt in its own way, in `encoding`. A key that it
   * could not store comes back unchanged. Absent: the system stores keys as they are given.
   */
  storedKeys?(keys: readonly KeyValues[], calls: Calls): Promise<KeyValues[]>;
  /** Yields all records, in pages; key and id are enough. Absent: a mirror needs `removal.scope: tracked`. */
  scan?(calls: Calls): AsyncIterable<readonly Existing[]>;
  /**
   * The form in which the destination takes bytes, arrays and JSON of a SQL source. `sql`: the text that the source
   * prints. Default `json`.
   */
  readonly takes?: Encoding;
  /**
   * Is called once all chunks are exported, before the run ends. After a crash it is called again.
   * @param written the number of operations of the run that were acknowledged
   */
  finish?(run: string, written: number, calls: Calls): Promise<void>;
  /**
   * Drops everything that is kept of a run. Called last, however the run ended; writes that are not visible yet never
   * become so.
   */
  forget?(run: string, calls: Calls): Promise<void>;
}

/** A destination that takes records one by one or in batches: an API, a file, a database without staging rights. */
export interface RecordDestination extends KeyedDestination {
  readonly kind: 'records';
  /**
   * Writes operations of one kind, at most `batch` of them. Their keys differ, unless they are creates without a key.
   * @param calls makes the calls. Its fence decides before each one whether it may still be sent
   * @returns one result for each operation, in order
   * @throws RejectedError when the call failed as a whole because of some record; LimitedError when it was refused for
   *   its rate; TransientError when it may be made again
   */
  write(operations: readonly WriteOperation[], calls: Calls): Promise<WriteResult[]>;
  /**
   * True when nothing that a run writes is visible before `finish`. A run that ends early has then written nothing, and
   * one that continues it reads from the beginning. Absent: an acknowledged write is visible.
   */
  readonly allAtOnce?: true;
}

/** A record that the destination holds already. */
export interface Existing {
  /** The record's key. From a lookup: the key that was asked for, which the system may store in another spelling. */
  readonly key: KeyValues;
  /** The destination's own id of the record; null when it has only a key. */
  readonly id: string | null;
  /** The present values of the mapped fields. A field that the record lacks is absent. */
  readonly values: JsonObject;
  /** From a lookup: the key as the record stores it. Absent: as it was asked for. */
  readonly heldKey?: KeyValues;
  /** The mark of the record's present version, such as an ETag, if the system takes updates of one version only. */
  readonly version?: string;
  /** True when the record is archived, so the system hides it. An update brings it back. Default false. */
  readonly archived?: boolean;
  /**
   * The fields whose given values the system would store as it holds them already. Absent: the caller compares the
   * values.
   */
  readonly same?: readonly string[];
  /**
   * True when the key belongs to another record of the source, which has or gets the only record there is to be. The caller
   * sets it; a destination never does. Default false.
   */
  readonly taken?: boolean;
  /** Fields that were edited since the record was last read from there. The caller sets it; a destination never does. */
  readonly edited?: readonly string[];
}

/** An operation on one record. */
export interface WriteOperation {
  readonly operation: Operation;
  /**
   * The values of the target's key fields, in order. All are null when the system is to assign the key (`Target.id`).
   */
  readonly key: KeyValues;
  /** The destination's id of the record, for update and remove, if `lookup` or the ledger knew it; else null. */
  readonly id: string | null;
  /** The values by destination field. For an update only those that differ; empty for a remove. */
  readonly values: JsonObject;
  /** For an update: true when the record is archived and must come back; then `values` may be empty. Default false. */
  readonly restore?: boolean;
  /**
   * For an update: the values that the destination held before, if it can be read. With `Target.twoWay` the update is
   * made only while they hold, where the system can tell.
   */
  readonly before?: JsonObject;
  /** For an update: the version of the record that `before` is of, if the destination told it. */
  readonly version?: string;
  /**
   * Identifies the operation: the same on every attempt, different from that of every other create of the destination
   * and of every other operation in the call. A key that begins with the run's id and `-` is not used again after
   * `forget`.
   */
  readonly idempotencyKey: string;
  /**
   * The number of the operation's chunk. When two operations have one key, the one of the higher chunk is the later
   * one, even if it arrives first because a worker was frozen. Default 0.
   */
  readonly chunk?: number;
}

/** The result of one operation. */
export type WriteResult =
  | {
      readonly ok: true;
      readonly id?: string;
      /**
       * With `Target.twoWay`: the written fields as the record holds them now, in the destination's `encoding`. Absent, or
       * a field that is absent: the system does not tell.
       */
      readonly stored?: JsonObject;
    }
  | {
      readonly ok: false;
      /**
       * `limited` and `transient` mean: send this operation again. `record` means a record error, except that the code
       * `edited` means: the record does not hold `before` any more, and was left alone.
       */
      readonly class: 'record' | 'limited' | 'transient';
      readonly code: string;
      readonly message: string;
      readonly field?: string;
      /**
       * For class `record`: true when it may succeed once other records of the run are written, such as one it refers
       * to.
       */
      readonly waits?: boolean;
    };
