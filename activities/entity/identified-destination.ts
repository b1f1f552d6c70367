import type { Calls } from '../../src/connectors/contract/calls.ts';
import type {
  Existing,
  KeyedDestination,
  WriteOperation,
} from '../../src/connectors/contract/records.ts';
import { canonicalKey } from '../../src/engine/values/canonical-key.ts';
import { sameValue } from '../../src/engine/values/same-value.ts';
import { recordMapper } from '../../src/engine/mapping/map-record.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { KeyMatch } from '../../src/model/match.ts';
import type { RecordId, SourceRecord } from '../../src/model/golden-record.ts';
import { own } from '../../src/model/own.ts';
import type { KeyValues } from '../../src/model/record.ts';
import type { RecordView } from '../../src/store/entities/golden-views.ts';
import type { Store } from '../../src/store/store.ts';
import { compareIds, recordIdOf } from '../../src/engine/entity/record-id.ts';
import { Claims } from './claims.ts';
import { decodedValues } from './decoded-values.ts';
import type { DeliveredDestination, Delivery, NaturalKey } from './delivery.ts';

const exactly: KeyMatch = { caseInsensitive: false, trim: false };

/**
 * A destination whose records go by the ids of an entity's records: the key of every operation is the record's id, and
 * the ID mapping tells which record of the system that is. A record without an id there is looked for by its natural
 * keys, if there are any, else created; the system gives it an id then.
 * @param inner keyed by the system's own id
 */
export function identifiedDestination(
  store: Store,
  delivery: Delivery,
  inner: DeliveredDestination,
  naturals: readonly NaturalKey[],
): DeliveredDestination {
  const ids = new Identified(store, delivery, inner, naturals);
  const { leastRecords } = inner;
  const common = {
    ...(leastRecords !== undefined && { leastRecords }),
    finish: async (run: string, written: number, calls: Calls) =>
      inner.finish?.(run, written, calls),
    forget: async (run: string, calls: Calls) => inner.forget?.(run, calls),
    fields: inner.fields,
    encoding: inner.encoding ?? 'json',
    batch: inner.batch,
    idempotentCreate: inner.idempotentCreate,
    lookupBatch: Math.min(
      ...[inner, ...naturals.map((one) => one.destination)].map((one) => one.lookupBatch),
    ),
    lookup: (keys: readonly KeyValues[], calls: Calls) => ids.lookup(keys, calls),
  };
  if (inner.kind === 'records')
    return {
      ...common,
      kind: 'records',
      write: async (operations, calls) => inner.write(await ids.translated(operations), calls),
    };
  const { find } = inner;
  return {
    ...common,
    kind: 'jobs',
    ...(find && { find: (submission, calls) => find.call(inner, submission, calls) }),
    submit: async (operations, submission, calls) =>
      inner.submit(await ids.translated(operations), submission, calls),
    poll: (job, calls) => inner.poll(job, calls),
    results: async (job, operations, calls) =>
      inner.results(job, await ids.translated(operations), calls),
  };
}

/** Translates between the ids of an entity's records and those of a system. */
class Identified {
  readonly #store: Store;
  readonly #delivery: Delivery;
  readonly #inner: KeyedDestination;
  readonly #naturals: readonly NaturalKey[];
  /** The natural keys that records of this run are looked up by, so that no two of them are created with one key. */
  readonly #claims = new Claims();
  readonly #asRead: (values: JsonObject) => JsonObject;

  constructor(
    store: Store,
    delivery: Delivery,
    inner: KeyedDestination,
    naturals: readonly NaturalKey[],
  ) {
    this.#store = store;
    this.#delivery = delivery;
    this.#inner = inner;
    this.#naturals = naturals;
    this.#asRead = decodedValues(inner);
  }

  /** Finds the system's records of these records of the entity, by id or natural keys. */
  async lookup(keys: readonly KeyValues[], calls: Calls): Promise<Existing[]> {
    const { store, entity, system } = { store: this.#store, ...this.#delivery };
    const records = keys.map(recordIdOf);
    const targets = await store.sourceRecords.targets(entity.ref, system, records);
    const found = await this.#byId(targets, calls);
    const held = new Set(found.map(({ key }) => recordIdOf(key)));
    // A record that the system no longer has is created again.
    const gone = [...targets.values()].filter(({ record }) => !held.has(record));
    await store.sourceRecords.remove(entity.ref, gone);
    // A rule of `attach` may have no index there. A record that was just made there is rare, and not worth a scan for each
    // batch of a first load.
    const naturals = this.#naturals.filter(
      ({ declared, destination: { lookup, lookupBatch } }) =>
        lookup !== undefined && (declared || keys.length < lookupBatch),
    );
    const left = records.filter((record) => !held.has(record));
    if (naturals.length === 0 || left.length === 0) return found;
    const views = await store.golden.some(entity.id, left);
    views.sort((a, b) => compareIds(a.id, b.id));
    for (const natural of naturals) {
      const wanted = views.filter(({ id }) => !held.has(id));
      const more = await this.#byKey(natural, wanted, calls);
      for (const { key } of more) held.add(recordIdOf(key));
      found.push(...more);
    }
    return found;
  }

  /** The same operations, keyed by the system's ids. */
  async translated(operations: readonly WriteOperation[]): Promise<WriteOperation[]> {
    const { entity, system, idField = '' } = this.#delivery;
    const creates = operations.filter(({ operation }) => operation === 'create');
    const remade = await this.#store.records.remade(creates.map(({ key }) => recordIdOf(key)));
    return operations.map((operation): WriteOperation => {
      if (operation.operation !== 'create') return { ...operation, key: [operation.id] };
      // The idempotency key is the same in every run, so a create whose answer was lost is found again. It changes once
      // the record's id there is gone, so the record can be created again.
      const record = recordIdOf(operation.key);
      const idempotencyKey = `${entity.id}/${system}/${record}/${remade.get(record) ?? 0}`;
      const given = own(operation.values, idField) ?? null;
      return { ...operation, key: [given], idempotencyKey };
    });
  }

  /** Finds records by their ids in the system; one that the system no longer has is left out. */
  async #byId(targets: ReadonlyMap<RecordId, SourceRecord>, calls: Calls): Promise<Existing[]> {
    const { lookup } = this.#inner;
    if (targets.size === 0) return [];
    if (lookup === undefined)
      return [...targets].map(([record, { id }]) => ({ key: [record], id, values: {} }));
    const byId = new Map([...targets.values()].map((target) => [keyText([target.id]), target]));
    const found = await lookup.call(
      this.#inner,
      [...targets.values()].map(({ id }) => [id]),
      calls,
    );
    return found.flatMap(({ key, id, values, version }) => {
      const target = byId.get(keyText(key));
      if (target === undefined) return [];
      const edited = this.#editedIn(target, values);
      const at = version === undefined ? {} : { version };
      return [{ key: [target.record], id: id ?? recordIdOf(key), values, edited, ...at }];
    });
  }

  /**
   * Returns the fields that were edited in the system since it was read. An edit that it was found to hold before, and that
   * reading it to its end has not shown since, never comes: it does not count.
   */
  #editedIn({ values: said, edited: before }: SourceRecord, values: JsonObject): string[] {
    const { plan, system, read } = this.#delivery;
    const source = own(plan.sources, system);
    if (source === undefined) return [];
    const held = this.#asRead(values);
    const edited = source.editedFields(held, said);
    if (edited.length === 0 || before === undefined || !read.upToDate) return edited;
    return sameValue(source.contributionOf(held), before) ? [] : edited;
  }

  /**
   * Finds records by a natural key. From now on they are known by the system's ids.
   * @param views in the order of their ids: of several with one key the first has it
   */
  async #byKey(
    natural: NaturalKey,
    views: readonly RecordView[],
    calls: Calls,
  ): Promise<Existing[]> {
    const { lookup } = natural.destination;
    if (lookup === undefined || views.length === 0) return [];
    const { fields } = this.#delivery.plan;
    const map = recordMapper(natural.mapping, fields, 'json');
    const byKey = new Map<string, { record: RecordId; key: KeyValues }>();
    const taken: Existing[] = [];
    for (const { id: record, values } of views) {
      const mapped = map(fields.map(({ name }) => values[name]));
      const text = 'key' in mapped ? canonicalKey(mapped.key, natural.match) : null;
      if (!('key' in mapped) || text === null) continue;
      if (natural.declared && !this.#claims.claim(text, record))
        taken.push({ key: [record], id: null, values: {}, taken: true });
      else byKey.set(text, { record, key: mapped.key });
    }
    if (byKey.size === 0) return taken;
    const keys = [...byKey.values()].map(({ key }) => key);
    const found = await lookup.call(natural.destination, keys, calls);
    const existing = found.flatMap(({ key, id, values }): Existing[] => {
      const record = byKey.get(canonicalKey(key, natural.match) ?? '')?.record;
      return record === undefined || id === null ? [] : [{ key: [record], id, values }];
    });
    return [...taken, ...(await this.#adopt(natural, existing))];
  }

  /**
   * Notes the ids of found records in the ID mapping. An id that belongs to another record of the entity is taken; by a
   * rule of `attach` it is none. A record that is found by such a rule has not been read yet: all it holds counts as
   * edited, so that the next cycle reads it first.
   */
  async #adopt({ declared }: NaturalKey, existing: readonly Existing[]): Promise<Existing[]> {
    const { entity, system } = this.#delivery;
    const { sourceRecords } = this.#store;
    const ids = existing.map(({ id }) => id ?? '');
    const known = await sourceRecords.find(entity.ref, system, ids);
    const owner = new Map(known.map(({ id, record }) => [id, record]));
    const counts = new Map<unknown, number>();
    for (const { key } of existing) counts.set(key[0], (counts.get(key[0]) ?? 0) + 1);
    const fresh = existing.filter(
      ({ key, id }) => !owner.has(id ?? '') && counts.get(key[0]) === 1,
    );
    await sourceRecords.put(
      entity.ref,
      fresh.map(({ key, id }): SourceRecord => ({
        system,
        id: id ?? '',
        record: recordIdOf(key),
        at: null,
        values: {},
      })),
    );
    return existing.flatMap((one) => {
      const of = owner.get(one.id ?? '');
      const isOthers = of !== undefined && of !== recordIdOf(one.key);
      if (declared) return [isOthers ? { ...one, taken: true } : one];
      return isOthers ? [] : [{ ...one, edited: Object.keys(one.values) }];
    });
  }
}

function keyText(key: KeyValues): string {
  return canonicalKey(key, exactly) ?? '';
}
