import { createHash } from 'node:crypto';
import type { Connection, Connector, Target } from '../src/connectors/connector.ts';
import type { Destination, StagedLayout } from '../src/connectors/destination.ts';
import type { Source } from '../src/connectors/source.ts';
import { compileMapping, type Mapping } from '../src/engine/mapping.ts';
import { stageLayout, type Staging } from '../src/engine/stage-layout.ts';
import { ConfigError } from '../src/model/failure.ts';
import type { KeyMatch } from '../src/model/match.ts';
import { permissionsOf } from '../src/model/mode.ts';
import { connectorOptions, keyFields, watermarkOf, type SyncSpec } from '../src/model/sync.ts';
import type { RunPlan } from '../src/store/runs.ts';
import type { Store } from '../src/store/store.ts';
import {
  connect,
  connectorSupport,
  type Connected,
  type Connects,
  type ThrottleOf,
} from './connect.ts';
import { retrySource } from './retry-source.ts';
import type { Steering } from './steering.ts';
import { asRecords, openDelivery, type Delivery, type NaturalKey } from './entity/delivery.ts';
import { IdentifiedDestination } from './entity/identified-destination.ts';
import { Throttles } from './rate/throttle.ts';

/** What every activity is made with. */
export interface Dependencies {
  readonly store: Store;
  readonly connectorOf: (type: string) => Connector | undefined;
}

/** What the activities of one worker share. */
export interface Shared extends Dependencies {
  readonly sessions: Sessions;
  readonly steering: Steering;
}

/** Both ends of a run, opened once per worker and shared by the run's activities. */
export interface Session {
  readonly run: string;
  /** Settled when the run opens: until then it does not say from where to read. */
  plan: RunPlan;
  readonly source: Source;
  readonly destination: Destination;
  readonly mapping: Mapping;
  /** How keys are compared. */
  readonly match: KeyMatch;
  /** How chunks are staged; only where the destination stages. */
  readonly stage: Staging | null;
  /** Set where the run writes a destination of an entity. */
  readonly delivery: Delivery | null;
  close(): Promise<void>;
}

/** Sessions that stay unused this long are closed. Milliseconds. */
const idleMs = 60_000;

/** The open sessions of a worker. */
export class Sessions implements Connects {
  readonly #deps: Dependencies;
  readonly #throttles: Throttles;
  readonly #open = new Map<
    string,
    { session: Promise<Session>; timer?: NodeJS.Timeout; users: number }
  >();

  constructor(deps: Dependencies) {
    this.#deps = deps;
    this.#throttles = new Throttles(deps.store);
  }

  /** Lends the run's session to `work`. A session whose work failed is opened afresh next time. */
  async use<T>(run: string, work: (session: Session) => Promise<T>): Promise<T> {
    const entry = this.#open.get(run) ?? {
      session: openSession(this.#deps, this.#throttles, run),
      users: 0,
    };
    this.#open.set(run, entry);
    clearTimeout(entry.timer);
    entry.users += 1;
    let failed = false;
    try {
      return await work(await entry.session);
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      entry.users -= 1;
      if (failed && this.#open.get(run) === entry) this.#open.delete(run);
      if (entry.users === 0) {
        if (this.#open.get(run) !== entry) void this.#close(entry.session);
        else entry.timer = setTimeout(() => void this.drop(run), idleMs).unref();
      }
    }
  }

  /** Connects a stored connection for calls of a run; the caller closes it. */
  connect(connection: string, run: string): Promise<Connected> {
    const { store, connectorOf } = this.#deps;
    return connect(store, connectorOf, connection, (id, quota) =>
      this.#throttles.of(id, quota, run),
    );
  }

  /** Closes the run's session, if it is open and unused. */
  async drop(run: string): Promise<void> {
    const entry = this.#open.get(run);
    if (entry === undefined || entry.users > 0) return;
    this.#open.delete(run);
    clearTimeout(entry.timer);
    await this.#close(entry.session);
  }

  async #close(session: Promise<Session>): Promise<void> {
    await session.then(({ close }) => close()).catch(() => undefined);
  }
}

async function openSession(
  { store, connectorOf }: Dependencies,
  throttles: Throttles,
  run: string,
): Promise<Session> {
  const plan = await store.runs.plan(run);
  if (plan === null) throw new ConfigError('unknown_run', `run ${run} does not exist (any more)`);
  const { spec } = plan;
  const throttle: ThrottleOf = (id, quota) => throttles.of(id, quota, run);
  const delivery = await openDelivery(store, plan.sync);
  const from =
    delivery === null
      ? await connect(store, connectorOf, spec.source.connection, throttle)
      : undefined;
  const to = await connect(store, connectorOf, spec.destination.connection, throttle);
  const close = async (): Promise<void> => {
    await Promise.all([from?.connection.close(), to.connection.close()]);
  };
  try {
    checkMode(to, spec);
    if (from !== undefined) checkWholeReads(from, spec);
    const source = withRetries(
      delivery?.source ?? (await openSource(from!.connection, spec)),
      plan,
      store,
    );
    const mapping = mappingOf(spec, source);
    const destination =
      delivery === null
        ? await openDestination(to.connection, plan, mapping)
        : await openDelivered(to.connection, plan, mapping, delivery, store);
    const stage = destination.kind === 'staging' ? stageLayout(mapping, source, spec.match) : null;
    return {
      run,
      plan,
      source,
      destination,
      mapping,
      match: keyMatchOf(spec, destination),
      stage,
      delivery,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function checkMode(connected: Connected, spec: SyncSpec): void {
  const { stream } = spec.destination;
  const options = connectorOptions(spec.destination);
  const support = connectorSupport(connected, { stream, options })[spec.mode];
  if (support !== true)
    throw new ConfigError('unsupported_mode', `mode ${spec.mode}: ${support}`, {
      connection: connected.id,
    });
}

function checkWholeReads({ connector, settings, id }: Connected, spec: SyncSpec): void {
  if (!permissionsOf(spec.mode).remove) return;
  const { stream } = spec.source;
  const whole = connector.wholeReads?.(settings, {
    stream,
    options: connectorOptions(spec.source),
  });
  if (whole === undefined || whole === true) return;
  throw new ConfigError('unsupported_mode', `mode ${spec.mode}: ${whole}`, { connection: id });
}

async function openSource(connection: Connection, spec: SyncSpec): Promise<Source> {
  if (connection.source === undefined) {
    throw new ConfigError('not_a_source', `connection ${spec.source.connection} cannot be read`, {
      connection: spec.source.connection,
    });
  }
  const watermark = watermarkOf(spec.source);
  return connection.source({
    stream: spec.source.stream,
    key: keyFields(spec.source.key),
    options: connectorOptions(spec.source),
    whole: permissionsOf(spec.mode).remove,
    ...(watermark && { watermark: watermark.field }),
    ...(watermark?.lag !== undefined && { lag: watermark.lag }),
  });
}

/** Of a run that retries errors: only the records that failed. */
function withRetries(source: Source, { spec, options }: RunPlan, store: Store): Source {
  const { retryOf } = options;
  return retryOf === undefined
    ? source
    : retrySource(source, keyFields(spec.source.key), store.errors, retryOf);
}

function mappingOf(spec: SyncSpec, source: Source): Mapping {
  return compileMapping({
    fields: spec.fields,
    where: spec.where,
    sourceFields: source.fields,
    key: keyFields(spec.source.key),
  });
}

/** The destination of an entity, its records addressed by the entity's where it has ids of its own. */
async function openDelivered(
  connection: Connection,
  plan: RunPlan,
  mapping: Mapping,
  delivery: Delivery,
  store: Store,
): Promise<Destination> {
  const { idField: id } = delivery;
  if (id === undefined) return openDestination(connection, plan, mapping, { kind: 'records' });
  const inner = await openDestination(connection, plan, mapping, { kind: 'records', id });
  const natural = await openNatural(connection, plan, mapping, delivery);
  return new IdentifiedDestination(store, delivery, asRecords(inner), natural);
}

/** The same destination by its natural key, where the entity names one. */
async function openNatural(
  connection: Connection,
  plan: RunPlan,
  mapping: Mapping,
  { entity, system, idField: id }: Delivery,
): Promise<NaturalKey | undefined> {
  const named = entity.spec.destinations[system]?.destination.key;
  if (named === undefined || id === undefined) return undefined;
  const key = keyFields(named);
  const destination = await openDestination(connection, plan, mapping, {
    kind: 'records',
    id,
    key,
  });
  const parts = key.map((name) => mapping.entries.find(({ to }) => to === name));
  const paths = parts.flatMap((entry) => (entry !== undefined && 'from' in entry ? [entry] : []));
  return { destination: asRecords(destination), mapping: { ...mapping, key: paths, filter: null } };
}

async function openDestination(
  connection: Connection,
  plan: RunPlan,
  mapping: Mapping,
  differing: Partial<Pick<Target, 'id' | 'key' | 'kind'>> = {},
): Promise<Destination> {
  const { spec, sync, kind } = plan;
  if (connection.destination === undefined) {
    throw new ConfigError(
      'not_a_destination',
      `connection ${spec.destination.connection} cannot be written`,
      {
        connection: spec.destination.connection,
      },
    );
  }
  return connection.destination({
    sync,
    stream: spec.destination.stream,
    key: keyFields(spec.destination.key),
    fields: mapping.entries.map(({ to }) => to),
    permissions: permissionsOf(spec.mode),
    match: spec.match,
    tracked: spec.removal.scope === 'tracked',
    seenBy: plan.origin,
    options: connectorOptions(spec.destination),
    ...(kind !== null && { kind }),
    ...differing,
  });
}

/** How keys compare at this destination: by what its key fields hold. */
function keyMatchOf({ match, destination: { key } }: SyncSpec, destination: Destination): KeyMatch {
  const known = destination.fields;
  const fieldOf = (name: string) => known?.find((field) => field.name === name);
  return { ...match, fields: keyFields(key).map(fieldOf) };
}

/** Changes when anything changes that decides what a record becomes; a watermark belongs to one fingerprint. */
export function fingerprint(spec: SyncSpec): string {
  const { destination, fields, where, match, mode } = spec;
  // Reading again what was read does not change what a record becomes: the lag is left out.
  const source = { ...spec.source, watermark: watermarkOf(spec.source)?.field };
  const text = JSON.stringify([source, destination, fields ?? null, where ?? null, match, mode]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** The layout of a session whose destination stages. */
export function layoutOf(session: Session): StagedLayout {
  if (session.stage === null) throw new Error('this destination does not stage');
  return session.stage.layout;
}
