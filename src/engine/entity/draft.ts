import type { FieldChange, LogEntry } from '../../model/entity-log.ts';
import type {
  GoldenRecord,
  Provenance,
  RecordChange,
  RecordId,
  SystemId,
} from '../../model/golden-record.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import { derive } from './derived.ts';
import { joinEntries, saysNothing } from './log-entries.ts';
import { matchKeys, type EntityPlan } from './plan.ts';
import { sameFieldValue } from './same.ts';

/** A golden record while a chunk changes it. */
export class Draft {
  readonly id: RecordId;
  readonly createdAt: number;
  /** The stored record; undefined for a new one. */
  readonly before: GoldenRecord | undefined;
  /** True when something must be stored, even if only the origin of a value changed. */
  touched: boolean;
  deleted = false;
  updatedAt: number;
  readonly #plan: EntityPlan;
  readonly #entryBefore: LogEntry | undefined;
  #entry: LogEntry | undefined;
  #logged = false;
  #values: JsonObject;
  #setBy: Record<string, Provenance>;
  #ids: readonly SystemId[];
  #owned: boolean;
  #keysBefore: readonly string[] | undefined;
  #keys: readonly string[] | undefined;

  private constructor(
    plan: EntityPlan,
    record: GoldenRecord,
    before: GoldenRecord | undefined,
    ids: readonly SystemId[],
    entry: LogEntry | undefined,
  ) {
    this.#plan = plan;
    this.id = record.id;
    this.createdAt = record.createdAt;
    this.updatedAt = record.updatedAt;
    this.before = before;
    this.touched = before === undefined;
    this.#values = record.values;
    this.#setBy = record.setBy;
    this.#owned = before === undefined;
    this.#ids = ids;
    this.#entryBefore = entry;
    this.#entry = entry;
    this.#keysBefore = before === undefined ? [] : undefined;
    this.#keys = this.#keysBefore;
  }

  /** @param entry the log entry of what this cycle has done to the record so far */
  static of(
    plan: EntityPlan,
    record: GoldenRecord,
    ids: readonly SystemId[],
    entry: LogEntry | undefined,
  ): Draft {
    return new Draft(plan, record, record, ids, entry);
  }

  static new(plan: EntityPlan, id: RecordId, now: number): Draft {
    const record = { id, values: {}, setBy: {}, createdAt: now, updatedAt: now };
    return new Draft(plan, record, undefined, [], undefined);
  }

  get values(): JsonObject {
    return this.#values;
  }

  get setBy(): Readonly<Record<string, Provenance>> {
    return this.#setBy;
  }

  get ids(): readonly SystemId[] {
    return this.#ids;
  }

  /** The match keys that the record has now. */
  get keys(): readonly string[] {
    this.#keys ??= matchKeys(this.#plan.rules, this.#values);
    return this.#keys;
  }

  has(system: string): boolean {
    for (const id of this.#ids) if (id.system === system) return true;
    return false;
  }

  attach(id: SystemId): void {
    this.touched = true;
    this.#ids = [...this.#ids, id];
  }

  detach({ system, id }: SystemId): void {
    this.touched = true;
    this.#ids = this.#ids.filter((held) => held.system !== system || held.id !== id);
  }

  set(field: string, value: Json, by: Provenance): void {
    if (!this.#owned) {
      this.#values = { ...this.#values };
      this.#setBy = { ...this.#setBy };
      this.#owned = true;
    }
    this.touched = true;
    this.#values[field] = value;
    this.#setBy[field] = by;
  }

  /** Makes a field one that nothing has set. */
  unset(field: string): void {
    const { [field]: _value, ...values } = this.#values;
    const { [field]: _origin, ...setBy } = this.#setBy;
    this.#values = values;
    this.#setBy = setBy;
    this.#owned = true;
    this.touched = true;
  }

  /** Computes the derived fields and returns those that changed. */
  derive(cycle: number): FieldChange[] {
    const changes: FieldChange[] = [];
    for (const field of this.#plan.derived) {
      const { name } = field;
      const old = this.#values[name] ?? null;
      const value = derive(field, this.#values);
      if (sameFieldValue(value, old)) continue;
      this.set(name, value, { source: '_', at: null, cycle });
      changes.push({ field: name, old, new: value, source: '_', at: null, by: 'derived' });
    }
    return changes;
  }

  /** Computes the match keys of the changed values and returns the new ones. */
  rekey(): readonly string[] {
    const old = this.#keys ?? matchKeys(this.#plan.rules, this.before?.values ?? {});
    this.#keysBefore ??= old;
    this.#keys = matchKeys(this.#plan.rules, this.#values);
    return old.length === 0 ? this.#keys : this.#keys.filter((key) => !old.includes(key));
  }

  log(entry: LogEntry): void {
    this.touched = true;
    this.#logged = true;
    this.#entry = joinEntries(this.#entry, entry);
  }

  /** Returns the log entry of the whole cycle for this record; undefined when this chunk added nothing to it. */
  entry(): LogEntry | undefined {
    if (!this.#logged || this.#entry === undefined) return undefined;
    // Changes that were taken back before anything was stored are not logged.
    return this.#entryBefore === undefined && saysNothing(this.#entry) ? undefined : this.#entry;
  }

  changed(mergedInto?: RecordId): RecordChange {
    const { id, createdAt, updatedAt, deleted } = this;
    const before = this.#keysBefore ?? (deleted ? this.keys : []);
    const after = deleted || this.#keysBefore === undefined ? [] : this.keys;
    return {
      record: { id, values: this.#values, setBy: this.#setBy, createdAt, updatedAt },
      created: this.before === undefined,
      deleted,
      ...(mergedInto !== undefined && { mergedInto }),
      addedKeys: before.length === 0 ? after : after.filter((key) => !before.includes(key)),
      removedKeys: before.filter((key) => !after.includes(key)),
    };
  }
}
