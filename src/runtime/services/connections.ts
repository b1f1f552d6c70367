import { Pacers } from '../../../activities/quota/pacers.ts';
import { connect } from '../../../activities/ends/connect.ts';
import { ApiProblem, notFound } from '../../api/http/problem.ts';
import type {
  CheckResult,
  ConnectionInput,
  ConnectionService,
  ConnectionView,
  PutResult,
} from '../../api/services.ts';
import type { Connection } from '../../connectors/contract/connector.ts';
import type { Connectors } from '../../connectors/registry.ts';
import type { Calls } from '../../connectors/contract/calls.ts';
import { connectionsOf } from '../../model/entity-syncs.ts';
import { ConfigError, SluiceError } from '../../model/failure.ts';
import type { Json } from '../../model/json.ts';
import type { StreamInfo } from '../../model/stream.ts';
import type { StoredConnection } from '../../store/catalog.ts';
import type { Store } from '../../store/store.ts';

/** The connections. Their secrets go in and never come out. */
export class Connections implements ConnectionService {
  readonly #store: Store;
  readonly #connectors: Connectors;
  readonly #pacers: Pacers;

  constructor(store: Store, connectors: Connectors) {
    this.#store = store;
    this.#connectors = connectors;
    this.#pacers = new Pacers(store.quotas);
  }

  async list(): Promise<ConnectionView[]> {
    const all = await this.#store.catalog.connections();
    return Promise.all(all.map((stored) => this.#view(stored)));
  }

  async get(id: string): Promise<ConnectionView | null> {
    const stored = await this.#store.catalog.connection(id);
    return stored === null ? null : this.#view(stored);
  }

  async put(id: string, { type, ...settings }: ConnectionInput): Promise<PutResult> {
    const connector = await this.#connectors.get(type);
    const parsed = connector.settings.safeParse(settings);
    if (!parsed.success) {
      const issues = parsed.error.issues.map(
        ({ path, message }) => `${path.join('.') || type}: ${message}`,
      );
      throw new ConfigError('invalid_connection', issues.join('; '));
    }
    return this.#store.catalog.putConnection({ id, type, settings });
  }

  async remove(id: string): Promise<boolean> {
    const syncs = (await this.#store.catalog.syncs())
      .filter(({ spec }) => spec.source.connection === id || spec.destination.connection === id)
      .map((sync) => sync.id);
    const entities = (await this.#store.entities.list())
      .filter(({ spec }) => connectionsOf(spec).includes(id))
      .map((entity) => entity.id);
    const users = [...syncs, ...entities];
    if (users.length > 0) {
      const detail = `Connection ${id} is used by ${users.join(', ')}.`;
      throw new ApiProblem(409, 'in_use', 'Connection is in use', detail, { syncs, entities });
    }
    return this.#store.catalog.removeConnection(id);
  }

  async check(id: string): Promise<CheckResult> {
    try {
      await this.#with(id, (connection, calls) => connection.check(calls));
      return { ok: true };
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      return { ok: false, code: error.code, message: error.message };
    }
  }

  streams(id: string): Promise<StreamInfo[]> {
    return this.#with(id, (connection, calls) => connection.discover(calls));
  }

  async #with<T>(
    id: string,
    work: (connection: Connection, calls: Calls) => Promise<T>,
  ): Promise<T> {
    if ((await this.#store.catalog.connection(id)) === null) throw notFound('connection', id);
    const { connection, calls } = await connect(this.#store, this.#connectors, id, (name, quota) =>
      this.#pacers.ofNobody(name, quota),
    );
    try {
      return await work(connection, calls({ signal: new AbortController().signal }));
    } finally {
      await connection.close();
    }
  }

  /** The settings without their secrets; none at all are shown where nobody can tell which ones are secret. */
  async #view({ id, type, settings }: StoredConnection): Promise<ConnectionView> {
    await this.#connectors.load([type]);
    const secrets = this.#connectors.find(type)?.secrets ?? ['*'];
    const shown = hide(
      settings as Json,
      secrets.map((path) => path.split('.')),
    );
    return { ...(shown as Record<string, Json>), id, type };
  }
}

/** Returns the value with the secrets that the paths name replaced by `***`. */
function hide(value: Json, paths: readonly (readonly string[])[]): Json {
  if (paths.some((path) => path.length === 0)) return '***';
  if (typeof value !== 'object' || value === null) return value;
  const inner = (name: string): string[][] =>
    paths.filter(([head]) => head === name || head === '*').map(([, ...rest]) => rest);
  if (Array.isArray(value)) return value.map((each, index) => hide(each, inner(String(index))));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, hide(each as Json, inner(name))]),
  );
}
