import { nothingKnown } from '../../../model/field.ts';
import type { Json, JsonObject } from '../../../model/json.ts';
import { entitySchema } from '../../../model/entity.ts';
import type { LogEntry } from '../../../model/entity-log.ts';
import type { GoldenRecord, RecordChange, SourceRecord } from '../../../model/golden-record.ts';
import type { z } from 'zod';
import { setByHand, takeBack } from '../by-hand.ts';
import { findDuplicates, mergeKeys } from '../duplicates.ts';
import { mergeGroup } from '../merge.ts';
import { compileEntity, matchKeys, type EntityPlan, type Incoming } from '../plan.ts';
import { keysToFind, unify, type Loaded, type Unified } from '../unify.ts';

/** An entity as a project file declares it. */
export type EntityInput = z.input<typeof entitySchema>;

/** Returns a source that copies fields, with its attach rules. */
export function copying(
  fields: readonly string[],
  attach?: NonNullable<EntityInput['sources'][string]['attach']>,
): EntityInput['sources'][string] {
  return {
    source: { connection: 'db', stream: 's', id: 'id', watermark: 'at' },
    fields: Object.fromEntries(fields.map((name) => [name, name])),
    ...(attach !== undefined && { attach }),
  };
}

/** Keeps an entity in memory, in place of the state database. */
export class EntityStore {
  plan: EntityPlan;
  readonly records = new Map<string, GoldenRecord>();
  readonly sourceRecords = new Map<string, SourceRecord>();
  readonly keys = new Map<string, Set<string>>();
  readonly entries = new Map<string, LogEntry>();
  cycle = 1;
  #ids = 0;

  constructor(spec: EntityInput) {
    this.plan = compileEntity(entitySchema.parse(spec), () => nothingKnown);
  }

  /** Declares the entity anew: only the index of match keys follows at once. */
  declare(spec: EntityInput): void {
    this.plan = compileEntity(entitySchema.parse(spec), () => nothingKnown);
    this.keys.clear();
    for (const [key, ids] of this.rebuiltKeys()) this.keys.set(key, ids);
  }

  /** The values of the live records, sorted by id. */
  get values(): GoldenRecord['values'][] {
    return [...this.records.values()].map(({ values }) => values);
  }

  nextCycle(): void {
    this.cycle += 1;
    this.entries.clear();
  }

  take(...incoming: readonly Incoming[]): Unified {
    const unified = unify(this.plan, this.#load(incoming), incoming, this.#context());
    for (const { system, id } of unified.detached) this.sourceRecords.delete(`${system}/${id}`);
    this.#save(unified.records, unified.sourceRecords, unified.entries);
    return unified;
  }

  /** Sets a field by hand, or takes that back; returns false when there was nothing to take back. */
  byHand(id: string, field: string, value: Json | undefined, reason = 'known better'): boolean {
    const record = this.records.get(id);
    if (record === undefined) throw new Error(`no record ${id}`);
    const held = { record, sourceRecords: this.#idsOf(id), entry: this.entries.get(id) };
    const context = this.#context();
    const decided =
      value === undefined
        ? takeBack(this.plan, held, field, context)
        : setByHand(this.plan, held, { field, value, reason }, context);
    if (decided !== null) this.#save([decided.change], [], decided.entries);
    return decided !== null;
  }

  /** Records what a destination run wrote into a system, as its acknowledgement does. */
  wrote(system: string, id: string, written: JsonObject): void {
    const known = this.sourceRecords.get(`${system}/${id}`);
    if (known === undefined) throw new Error(`no source record ${system} ${id}`);
    const values = { ...known.values, ...written };
    this.sourceRecords.set(`${system}/${id}`, { ...known, values });
  }

  /** Merges until there is nothing left to merge. */
  merge(): void {
    for (;;) {
      const shared = new Map<string, string[]>();
      for (const { id, values } of this.records.values())
        for (const key of mergeKeys(this.plan, values))
          shared.set(key, [...(shared.get(key) ?? []), id]);
      const { groups } = findDuplicates(shared, this.plan.merge?.guard ?? 0);
      if (groups.length === 0) return;
      for (const ids of groups) {
        const group = ids.flatMap((id) => {
          const record = this.records.get(id);
          const sourceRecords = this.#idsOf(id);
          return record === undefined
            ? []
            : [{ record, sourceRecords, entry: this.entries.get(id) }];
        });
        const { winner, losers, moved, entries } = mergeGroup(this.plan, group, this.#context());
        this.#save([winner, ...losers], moved, entries);
      }
    }
  }

  #context(): { cycle: number; now: number; newId: () => string } {
    return { cycle: this.cycle, now: this.cycle * 1000, newId: () => String((this.#ids += 1)) };
  }

  #load(incoming: readonly Incoming[]): Loaded {
    const sourceRecords = incoming.flatMap((record) =>
      'values' in record ? (this.sourceRecords.get(`${record.source}/${record.id}`) ?? []) : [],
    );
    const keys = keysToFind(this.plan, incoming, (system, id) =>
      this.records.has(this.sourceRecords.get(`${system}/${id}`)?.record ?? ''),
    );
    const byKey = new Map(keys.map((key) => [key, [...(this.keys.get(key) ?? [])]]));
    const ids = new Set([
      ...sourceRecords.map(({ record }) => record),
      ...[...byKey.values()].flat(),
    ]);
    const records = [...ids].flatMap((id) => this.records.get(id) ?? []);
    const idsOf = new Map(records.map(({ id }) => [id, this.#idsOf(id)]));
    return { records, sourceRecords, idsOf, byKey, entries: this.entries };
  }

  #idsOf(id: string): SourceRecord[] {
    return [...this.sourceRecords.values()].filter(({ record }) => record === id);
  }

  #save(
    records: readonly RecordChange[],
    sourceRecords: readonly SourceRecord[],
    entries: readonly LogEntry[],
  ): void {
    for (const { record, deleted, addedKeys, removedKeys } of records) {
      if (deleted) this.records.delete(record.id);
      else this.records.set(record.id, record);
      for (const key of removedKeys) {
        this.keys.get(key)?.delete(record.id);
        if (this.keys.get(key)?.size === 0) this.keys.delete(key);
      }
      for (const key of addedKeys)
        this.keys.set(key, (this.keys.get(key) ?? new Set()).add(record.id));
    }
    for (const record of sourceRecords)
      this.sourceRecords.set(`${record.system}/${record.id}`, record);
    for (const entry of entries) this.entries.set(entry.record, entry);
  }

  /** Builds the index of match keys anew from the records. */
  rebuiltKeys(): Map<string, Set<string>> {
    const keys = new Map<string, Set<string>>();
    for (const { id, values } of this.records.values())
      for (const key of matchKeys(this.plan.rules, values))
        keys.set(key, (keys.get(key) ?? new Set()).add(id));
    return keys;
  }
}
