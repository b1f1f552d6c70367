import { ApiProblem, conflict } from '../../api/http/problem.ts';
import type { PutResult, SyncService, SyncView } from '../../api/services.ts';
import {
  requireDestination,
  requireSource,
  type DeclaredConnection,
} from '../../connectors/ends.ts';
import type { Connectors } from '../../connectors/registry.ts';
import { destinationOfSync } from '../../model/entity-syncs.ts';
import { ConfigError } from '../../model/failure.ts';
import { streamAndOptions, type SyncSpec } from '../../model/sync.ts';
import type { Store } from '../../store/store.ts';
import type { Schedules } from '../schedules.ts';
import { declaredConnection } from './declared-connection.ts';
import { scheduleStateOf } from './schedule-state.ts';

/** The declared syncs and their schedules. */
export class Syncs implements SyncService {
  readonly #store: Store;
  readonly #schedules: Schedules;
  readonly #connectors: Connectors;

  constructor(store: Store, schedules: Schedules, connectors: Connectors) {
    this.#store = store;
    this.#schedules = schedules;
    this.#connectors = connectors;
  }

  async list(): Promise<SyncView[]> {
    const syncs = await this.#store.catalog.syncs();
    return Promise.all(syncs.map(({ id, spec }) => this.#view(id, spec)));
  }

  async get(id: string): Promise<SyncView | null> {
    const spec = await this.#store.catalog.sync(id);
    return spec === null ? null : this.#view(id, spec);
  }

  async put(id: string, spec: SyncSpec): Promise<PutResult> {
    if ((await this.#store.entities.get(id)) !== null)
      throw conflict('id_taken', `An entity is called "${id}".`);
    await this.#check(spec);
    const result = await this.#store.catalog.putSync(id, spec);
    await this.#schedules.apply({ kind: 'sync', id }, spec.schedule);
    return result;
  }

  async remove(id: string): Promise<boolean> {
    const destination = destinationOfSync(id);
    if (destination !== null) {
      const { entity } = destination;
      const detail = `Sync "${id}" writes a destination of entity "${entity}": change the entity.`;
      throw conflict('part_of_entity', detail);
    }
    const open = await this.#store.runs.openRunOf(id);
    if (open !== null) {
      throw new ApiProblem(
        409,
        'run_open',
        'A run is open',
        `Sync ${id} has an open run, ${open}.`,
        { openRun: open },
      );
    }
    await this.#schedules.remove({ kind: 'sync', id });
    return this.#store.catalog.removeSync(id);
  }

  async #check(spec: SyncSpec): Promise<void> {
    for (const { connection } of [spec.source, spec.destination]) {
      if ((await this.#store.catalog.connection(connection)) === null) {
        throw new ConfigError('unknown_connection', `there is no connection "${connection}"`);
      }
    }
    const { source, destination, mode, removal } = spec;
    const wanted = { mode, by: removal.by };
    const to = await this.#declared(destination.connection);
    if (to) requireDestination(to, streamAndOptions(destination), wanted, destination.connection);
    const from = await this.#declared(source.connection);
    if (from) requireSource(from, streamAndOptions(source), mode, source.connection);
  }

  /**
   * Returns the connector and settings of a connection; undefined when the connection is no longer valid (`check` says
   * why).
   */
  async #declared(id: string): Promise<DeclaredConnection | undefined> {
    const stored = await this.#store.catalog.connection(id);
    return stored === null ? undefined : declaredConnection(this.#connectors, stored);
  }

  async #view(id: string, spec: SyncSpec): Promise<SyncView> {
    const what = { kind: 'sync', id } as const;
    const scheduleState = await scheduleStateOf(this.#store, this.#schedules, what, spec);
    return { id, ...spec, scheduleState };
  }
}
