import type {
  CycleOptions,
  DestinationLag,
  DuplicateGroup,
  EntityService,
  EntityView,
  FieldByHand,
  GoldenView,
  LogPage,
  Page,
  PutResult,
  RecordFilter,
} from '../../api/services.ts';
import { conflict, notFound, cycleIsOpen } from '../../api/http/problem.ts';
import type { Connectors } from '../../connectors/registry.ts';
import { canonicalKey } from '../../engine/values/canonical-key.ts';
import type { EntitySpec } from '../../model/entity.ts';
import { destinationSyncs } from '../../model/entity-syncs.ts';
import type { FieldOrigin } from '../../model/field-origin.ts';
import type { JsonObject } from '../../model/json.ts';
import { keyFields } from '../../model/sync.ts';
import type { Run } from '../../model/run.ts';
import { cycleSyncId } from '../../model/workflow.ts';
import type { Store } from '../../store/store.ts';
import type { Schedules } from '../schedules.ts';
import type { TemporalClient } from '../temporal.ts';
import { checkStoredEntity } from './entity-problems.ts';
import { findRecords } from './find-records.ts';
import { recordOrigins, setFieldByHand, takeBackField } from './record-fields.ts';
import { scheduleStateOf } from './schedule-state.ts';
import { startCycle } from './start-cycle.ts';

/** The declared entities, their cycles, and the records that they hold. */
export class DeclaredEntities implements EntityService {
  readonly #store: Store;
  readonly #temporal: TemporalClient;
  readonly #schedules: Schedules;
  readonly #connectors: Connectors;

  constructor(
    store: Store,
    temporal: TemporalClient,
    schedules: Schedules,
    connectors: Connectors,
  ) {
    this.#connectors = connectors;
    this.#store = store;
    this.#temporal = temporal;
    this.#schedules = schedules;
  }

  async list(): Promise<EntityView[]> {
    const entities = await this.#store.entities.list();
    return Promise.all(entities.map(({ id, spec }) => this.#view(id, spec)));
  }

  async get(id: string): Promise<EntityView | null> {
    const spec = await this.#store.entities.get(id);
    return spec === null ? null : this.#view(id, spec);
  }

  async put(id: string, spec: EntitySpec): Promise<PutResult> {
    if ((await this.#store.catalog.sync(id)) !== null)
      throw conflict('id_taken', `A sync is called "${id}".`);
    await checkStoredEntity(this.#store, this.#connectors, spec);
    const result = await this.#store.entities.put(id, spec);
    await this.#schedules.apply({ kind: 'entity', id }, spec.schedule);
    return result;
  }

  async remove(id: string): Promise<boolean> {
    await this.#requireRest(id);
    await this.#schedules.remove({ kind: 'entity', id });
    return this.#store.entities.remove(id);
  }

  async start(id: string, options: CycleOptions): Promise<Run> {
    if ((await this.#store.entities.get(id)) === null) throw notFound('entity', id);
    return startCycle(this.#store, this.#temporal, id, options);
  }

  async records(
    id: string,
    filter: RecordFilter,
  ): Promise<{ records: GoldenView[]; next: string | null }> {
    const spec = await this.#known(id);
    return findRecords(this.#store.golden, id, spec, filter);
  }

  record(id: string, record: string): Promise<GoldenView | null> {
    return this.#store.golden.get(id, record);
  }

  origins(id: string, record: string): Promise<Record<string, FieldOrigin>> {
    return recordOrigins(this.#store, id, record);
  }

  async setField(id: string, record: string, set: FieldByHand): Promise<void> {
    await this.#requireNoCycle(id);
    await setFieldByHand(this.#store, id, record, set);
  }

  async takeBackField(id: string, record: string, field: string): Promise<void> {
    await this.#requireNoCycle(id);
    await takeBackField(this.#store, id, record, field);
  }

  async erase(id: string, record: string): Promise<boolean> {
    await this.#requireRest(id);
    const syncs = Object.values(destinationSyncs(id, await this.#known(id)));
    const keysOf = (values: JsonObject): string[] =>
      syncs.flatMap(({ source, match }) => {
        const key = keyFields(source.key).map((field) => values[field] ?? null);
        return canonicalKey(key, match) ?? [];
      });
    return this.#store.golden.erase(id, record, keysOf);
  }

  history(id: string, record: string, page: Page): Promise<LogPage> {
    return this.#store.log.ofRecord(id, record, page);
  }

  changes(id: string, cycle: number, page: Page): Promise<LogPage> {
    return this.#store.log.ofCycle(id, cycle, page);
  }

  async lag(id: string): Promise<Record<string, DestinationLag>> {
    const names = Object.keys((await this.#known(id)).destinations);
    const lags = names.map(async (name) => [name, await this.#store.golden.lag(id, name)] as const);
    return Object.fromEntries(await Promise.all(lags));
  }

  duplicates(id: string): Promise<DuplicateGroup[]> {
    return this.#store.groups.list(id);
  }

  /**
   * Refuses while anything of the entity runs, because it would write what is about to be removed.
   * @throws ApiProblem 409
   */
  async #requireRest(id: string): Promise<void> {
    await this.#requireNoCycle(id);
    const delivery = await this.#store.runs.openDelivery(id);
    if (delivery === null) return;
    const { run, destination } = delivery;
    const detail = `Destination "${destination}" of entity "${id}" has an open run "${run}".`;
    throw conflict('run_open', detail, { run });
  }

  /**
   * Refuses while a cycle is open, which would overwrite records that it has read before.
   * @throws ApiProblem 409
   */
  async #requireNoCycle(id: string): Promise<void> {
    const cycle = await this.#store.runs.openRunOf(cycleSyncId(id));
    if (cycle !== null) throw cycleIsOpen(id, cycle);
  }

  async #known(id: string): Promise<EntitySpec> {
    const spec = await this.#store.entities.get(id);
    if (spec === null) throw notFound('entity', id);
    return spec;
  }

  async #view(id: string, spec: EntitySpec): Promise<EntityView> {
    const what = { kind: 'entity', id } as const;
    const scheduleState = await scheduleStateOf(this.#store, this.#schedules, what, spec);
    return { id, ...spec, scheduleState };
  }
}
