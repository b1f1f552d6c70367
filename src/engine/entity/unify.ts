import type { FieldChange, IdChange, LogEntry, RefusedValue } from '../../model/entity-log.ts';
import {
  manualSource,
  type GoldenRecord,
  type IncomingRecord,
  type Provenance,
  type RecordChange,
  type RecordId,
  type SourceRecord,
  type SystemId,
} from '../../model/golden-record.ts';
import type { JsonObject } from '../../model/json.ts';
import { noStats, type RecordError, type Stats } from '../../model/outcome.ts';
import { attach, attachValues } from './attach.ts';
import { accepts, originOf, presentOrigin } from './authority.ts';
import { Candidates } from './candidates.ts';
import { Draft } from './draft.ts';
import type { EntityPlan, Incoming, SourcePlan } from './plan.ts';
import { sameFieldValue } from './same.ts';
import { ChunkSourceRecords } from './source-records.ts';
import { compareTimes, laterTime } from './source-time.ts';

/** The stored records that a chunk of incoming records may concern. */
export interface Loaded {
  /** Live records: those that the incoming ids belong to, and all of `byKey`. */
  readonly records: readonly GoldenRecord[];
  /** Source records of the incoming ids. One whose record is not among `records` belongs to a deleted record. */
  readonly sourceRecords: readonly SourceRecord[];
  /** All system ids of the loaded records. */
  readonly idsOf: ReadonlyMap<RecordId, readonly SystemId[]>;
  /** Live records by match key. A record that has an id of the incoming records' system may be left out. */
  readonly byKey: ReadonlyMap<string, readonly RecordId[]>;
  /** Log entries of what this cycle has done to the loaded records so far. */
  readonly entries: ReadonlyMap<RecordId, LogEntry>;
}

/** The cycle's facts that the engine needs. */
export interface CycleContext {
  /** The number of the cycle. An interrupted cycle is repeated under the same number. */
  readonly cycle: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /**
   * True when the source has moved back and is read from the beginning: what it says now counts although it said something
   * else at a later time. Default false.
   */
  readonly restored?: boolean;
  /** Returns an id that no record has had. */
  newId(): RecordId;
}

/** The changes of one chunk, stored in one transaction. */
export interface Unified {
  /** Changed records, each at most once; also records of which only a refused value is new. */
  readonly records: readonly RecordChange[];
  /** Source records to insert or replace. */
  readonly sourceRecords: readonly SourceRecord[];
  readonly detached: readonly SystemId[];
  /** Complete log entries; each replaces the record's earlier entry of this cycle. */
  readonly entries: readonly LogEntry[];
  /**
   * Counts of the incoming records by what happened to their golden records (R10): `updated` when values or ids
   * changed. `removed` counts deleted records, which are counted in `updated` too.
   */
  readonly stats: Stats;
  readonly counts: UnifiedCounts;
  readonly errors: readonly RecordError[];
}

/** Counts of how incoming records found their golden records, and of the field values taken and refused. */
export interface UnifiedCounts {
  readonly byId: number;
  readonly byMatch: number;
  readonly new: number;
  /** Incoming records left out because they match several records. */
  readonly ambiguous: number;
  readonly detached: number;
  /** Field values that were taken, derived ones included. */
  readonly changed: number;
  /** Field values that were refused. */
  readonly refused: number;
}

const none: readonly never[] = [];

/**
 * Returns the match keys that must be looked up: those of incoming records that have no golden record yet. When the
 * chunk deletes records, the keys of all incoming records are needed, since any of them may have lost its record by its
 * turn.
 * @param known returns true when the id belongs to a live record
 */
export function keysToFind(
  plan: EntityPlan,
  incoming: readonly Incoming[],
  known: (system: string, id: string) => boolean,
): string[] {
  const keys = new Set<string>();
  const deletes = hasDeleted(incoming);
  for (const record of incoming) {
    if (!('values' in record) || record.deleted) continue;
    if (!deletes && known(record.source, record.id)) continue;
    const source = sourceOf(plan, record);
    const probe = attachValues(plan, source, record.values);
    for (const rule of source.attach) {
      const key = rule.keyOf(probe);
      if (key !== null) keys.add(key);
    }
  }
  return [...keys];
}

/** True when a record says that it is deleted. */
export function hasDeleted(incoming: readonly Incoming[]): boolean {
  return incoming.some((one) => 'values' in one && one.deleted);
}

/**
 * Decides how a chunk of incoming records changes the golden records. Each record sees the changes of those before it.
 * A record that comes a second time changes nothing.
 */
export function unify(
  plan: EntityPlan,
  loaded: Loaded,
  incoming: readonly Incoming[],
  context: CycleContext,
): Unified {
  const chunk = new ChunkUnifier(plan, loaded, incoming, context);
  for (const record of incoming) chunk.take(record);
  return chunk.unified();
}

function sourceOf(plan: EntityPlan, { source }: IncomingRecord): SourcePlan {
  const found = plan.sources[source];
  if (found === undefined) throw new Error(`the entity has no source ${source}`);
  return found;
}

class ChunkUnifier {
  readonly #plan: EntityPlan;
  readonly #context: CycleContext;
  readonly #imported: number;
  readonly #drafts = new Map<RecordId, Draft>();
  readonly #sourceRecords: ChunkSourceRecords;
  readonly #candidates: Candidates;
  readonly #errors: RecordError[] = [];
  readonly #stats = { created: 0, updated: 0, unchanged: 0, filter: 0, removed: 0 };
  readonly #counts = {
    byId: 0,
    byMatch: 0,
    new: 0,
    ambiguous: 0,
    detached: 0,
    changed: 0,
    refused: 0,
  };

  constructor(
    plan: EntityPlan,
    loaded: Loaded,
    incoming: readonly Incoming[],
    context: CycleContext,
  ) {
    this.#plan = plan;
    this.#context = context;
    this.#imported = incoming.length;
    for (const record of loaded.records) {
      const ids = loaded.idsOf.get(record.id) ?? none;
      this.#drafts.set(record.id, Draft.of(plan, record, ids, loaded.entries.get(record.id)));
    }
    this.#sourceRecords = new ChunkSourceRecords(loaded.sourceRecords);
    this.#candidates = new Candidates(loaded.byKey, this.#drafts, sourcesIn(incoming));
  }

  take(record: Incoming): void {
    if ('skipped' in record) this.#stats.filter += 1;
    else if ('fault' in record) this.#fail(record.id, record.fault);
    else this.#unify(record);
  }

  unified(): Unified {
    const records: RecordChange[] = [];
    const entries: LogEntry[] = [];
    for (const draft of this.#drafts.values()) {
      if (!draft.touched) continue;
      records.push(draft.changed());
      const entry = draft.entry();
      if (entry !== undefined) entries.push(entry);
    }
    const { filter, ...stats } = this.#stats;
    return {
      records,
      ...this.#sourceRecords.changes(),
      entries,
      stats: {
        imported: this.#imported,
        ...stats,
        skipped: { ...noStats.skipped, filter },
        errors: this.#errors.length,
        removeErrors: 0,
      },
      counts: this.#counts,
      errors: this.#errors,
    };
  }

  #unify(incoming: IncomingRecord): void {
    const source = sourceOf(this.#plan, incoming);
    const last = this.#sourceRecords.get(incoming.source, incoming.id);
    const isOld = last !== undefined && compareTimes(incoming.at, last.at) < 0;
    if (isOld && this.#context.restored !== true) {
      this.#counts.byId += 1;
      this.#stats.unchanged += 1;
    } else if (incoming.deleted) this.#detach(incoming, last);
    else {
      const draft = last && this.#live(last.record);
      if (last !== undefined && draft !== undefined) this.#update(source, draft, incoming, last);
      // Its record is deleted: only a changed value brings it back.
      else if (last !== undefined && !differs(source, incoming.values, last.values)) {
        this.#counts.byId += 1;
        this.#stats.unchanged += 1;
      } else this.#attach(source, incoming);
    }
  }

  #live(id: RecordId): Draft | undefined {
    const draft = this.#drafts.get(id);
    return draft?.deleted === true ? undefined : draft;
  }

  #update(source: SourcePlan, draft: Draft, incoming: IncomingRecord, last: SourceRecord): void {
    this.#counts.byId += 1;
    const { changes, refused, stillRefused } = this.#apply(source, draft, incoming, last);
    this.#storeSource(incoming, draft, last, stillRefused);
    if (changes.length > 0 || refused.length > 0)
      draft.log(entryOf(draft, 'update', changes, refused, none));
    if (changes.length > 0) this.#stats.updated += 1;
    else this.#stats.unchanged += 1;
  }

  #attach(source: SourcePlan, incoming: IncomingRecord): void {
    const found = attach(this.#plan, source, incoming, this.#candidates);
    if (typeof found === 'number') {
      this.#counts.ambiguous += 1;
      this.#fail(incoming.id, {
        code: 'ambiguous_match',
        message: `the record matches ${found} records of the entity`,
      });
      return;
    }
    const draft = found ?? this.#create();
    const by = found === null ? 'new' : 'match';
    const { id } = incoming;
    draft.attach({ system: source.name, id });
    const { changes, refused, stillRefused } = this.#apply(source, draft, incoming, undefined);
    this.#storeSource(incoming, draft, undefined, stillRefused);
    const ids: IdChange[] = [{ system: source.name, id, change: 'attached', by }];
    draft.log(entryOf(draft, found === null ? 'create' : 'update', changes, refused, ids));
    this.#counts[by === 'new' ? 'new' : 'byMatch'] += 1;
    this.#stats[by === 'new' ? 'created' : 'updated'] += 1;
  }

  #create(): Draft {
    const draft = Draft.new(this.#plan, this.#context.newId(), this.#context.now);
    this.#drafts.set(draft.id, draft);
    return draft;
  }

  #detach({ source, id }: IncomingRecord, last: SourceRecord | undefined): void {
    const draft = last && this.#live(last.record);
    if (last !== undefined) {
      this.#sourceRecords.remove(source, id);
      this.#counts.detached += 1;
    }
    if (draft === undefined) {
      this.#stats.unchanged += 1;
      return;
    }
    draft.detach({ system: source, id });
    this.#stats.updated += 1;
    draft.deleted = this.#deletes(draft);
    if (draft.deleted) this.#stats.removed += 1;
    else this.#candidates.add(draft, draft.keys);
    const ids: IdChange[] = [{ system: source, id, change: 'detached', by: 'deleted' }];
    draft.log(entryOf(draft, draft.deleted ? 'delete' : 'update', none, none, ids));
  }

  /** True when the record must be deleted now that one of its ids is gone. */
  #deletes(draft: Draft): boolean {
    const { deletes } = this.#plan.spec;
    if (deletes !== 'all') return deletes === 'any';
    return !draft.ids.some(({ system }) => Object.hasOwn(this.#plan.sources, system));
  }

  /** Stores the source record: what the source now says of its record. */
  #storeSource(
    incoming: IncomingRecord,
    draft: Draft,
    last: SourceRecord | undefined,
    refused: JsonObject | undefined,
  ): void {
    const { source: system, id } = incoming;
    const isNew = last === undefined || this.#context.restored === true;
    const at = isNew ? incoming.at : laterTime(incoming.at, last.at);
    const values = last === undefined ? incoming.values : withChanges(last.values, incoming.values);
    if (at === last?.at && values === last.values && refused === last.refused) return;
    const record = draft.id;
    const made = last?.made === true;
    this.#sourceRecords.put({
      system,
      id,
      record,
      at,
      values,
      ...(refused && { refused }),
      ...(made && { made }),
    });
  }

  /** Sets the fields whose values the source has changed, as far as their authority allows. */
  #apply(
    source: SourcePlan,
    draft: Draft,
    { values, at }: IncomingRecord,
    last: SourceRecord | undefined,
  ): {
    changes: readonly FieldChange[];
    /** Refused values that were not refused before. */
    refused: readonly RefusedValue[];
    /** All refused values by field from now on. */
    stillRefused: JsonObject | undefined;
  } {
    const { cycle, now, restored = false } = this.#context;
    const next: Provenance = { source: source.name, at, cycle };
    const changes: FieldChange[] = [];
    let refused: RefusedValue[] | undefined;
    let stillRefused = last?.refused;
    for (const { name, authority } of source.fields) {
      const value = values[name];
      if (value === undefined) continue;
      const before = stillRefused?.[name];
      if (before !== undefined) stillRefused = without(stillRefused, name);
      if (sameFieldValue(value, last?.values[name] ?? null)) continue;
      const old = draft.values[name] ?? null;
      const isSame = sameFieldValue(value, old);
      const by = draft.setBy[name]?.source === manualSource ? 'manual' : authority.by;
      const held = presentOrigin(authority, name, draft);
      const present = restored && held?.source === source.name ? { ...held, at: null } : held;
      if (accepts(authority, present, next)) {
        draft.set(name, value, originOf(authority, present, next));
        if (!isSame) changes.push({ field: name, old, new: value, source: source.name, at, by });
      } else if (!isSame) {
        stillRefused = { ...stillRefused, [name]: value };
        if (before !== undefined && sameFieldValue(value, before)) continue;
        refused ??= [];
        refused.push({ field: name, value, source: source.name, at, by });
      }
    }
    if (changes.length > 0 || draft.before === undefined)
      this.#updateDependents(draft, changes, cycle);
    if (changes.length > 0) draft.updatedAt = now;
    this.#counts.changed += changes.length;
    this.#counts.refused += refused?.length ?? 0;
    return { changes, refused: refused ?? none, stillRefused };
  }

  /** Updates what depends on the changed fields: derived fields and match keys. */
  #updateDependents(draft: Draft, changes: FieldChange[], cycle: number): void {
    if (this.#plan.derived.length > 0) changes.push(...draft.derive(cycle));
    const { ruleFields } = this.#plan;
    if (changes.some(({ field }) => ruleFields.has(field)))
      this.#candidates.add(draft, draft.rekey());
  }

  #fail(id: string | null, fault: { code: string; message: string; field?: string }): void {
    const key = id === null ? null : [id];
    this.#errors.push({ key, operation: 'match', ...fault, retryable: false });
  }
}

function entryOf(
  { id }: Draft,
  operation: LogEntry['operation'],
  changes: readonly FieldChange[],
  refused: readonly RefusedValue[],
  ids: readonly IdChange[],
): LogEntry {
  return { record: id, operation, changes, refused, ids, merged: none };
}

function sourcesIn(incoming: readonly Incoming[]): string[] {
  const names = new Set<string>();
  for (const record of incoming) if ('values' in record) names.add(record.source);
  return [...names];
}

/** Returns the values without one field; undefined when none is left. */
function without(values: JsonObject | undefined, name: string): JsonObject | undefined {
  const { [name]: _gone, ...left } = values ?? {};
  return Object.keys(left).length === 0 ? undefined : left;
}

/** True when the source says a value that differs from what it said last. */
function differs(source: SourcePlan, values: JsonObject, last: JsonObject): boolean {
  return source.fields.some(({ name }) => {
    const value = values[name];
    return value !== undefined && !sameFieldValue(value, last[name] ?? null);
  });
}

/** Merges what the source says now into what it said before; returns `last` itself when nothing is new. */
function withChanges(last: JsonObject, values: JsonObject): JsonObject {
  for (const name in values) {
    const value = values[name];
    const before = last[name];
    if (value !== undefined && (before === undefined || !sameFieldValue(value, before)))
      return { ...last, ...values };
  }
  return last;
}
