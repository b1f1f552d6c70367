import { createHash } from 'node:crypto';
import type { Connector } from '../../src/connectors/contract/connector.ts';
import type { Destination } from '../../src/connectors/contract/destination.ts';
import type { StagedLayout } from '../../src/connectors/contract/staging.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import { compileMapping, mappingInto, type Mapping } from '../../src/engine/mapping/mapping.ts';
import { stageLayout, type Staging } from '../../src/engine/mapping/stage-layout.ts';
import { ConfigError } from '../../src/model/failure.ts';
import type { Field } from '../../src/model/field.ts';
import type { KeyMatch } from '../../src/model/match.ts';
import { keyFields, watermarkOf, type SyncSpec } from '../../src/model/sync.ts';
import type { RunPlan } from '../../src/store/runs/runs.ts';
import type { Store } from '../../src/store/store.ts';
import { connect, type Connected, type Connects, type ThrottleOf } from './connect.ts';
import { retrySource } from './retry-source.ts';
import type { Steering } from '../host/steering.ts';
import { openDelivery, type Delivery } from '../cycle/delivery.ts';
import { openDelivered } from '../cycle/open-delivered.ts';
import { checkMode, checkWholeReads, openDestination, openSource } from './open-ends.ts';
import { Throttles } from '../quota/throttle.ts';

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
    const declared = mappingOf(spec, source);
    const destination =
      delivery === null
        ? await openDestination(to.connection, run, plan, declared, source)
        : await openDelivered(to.connection, run, plan, declared, source, delivery, store);
    const { fields, leavesOut = [] } = destination;
    const copied = leavesOut.length === 0 ? declared : mappingOf(spec, source, leavesOut);
    const mapping = fields === null ? copied : mappingInto(copied, fields);
    const stage = destination.kind === 'staging' ? stageLayout(mapping, source, spec.match) : null;
    return {
      run,
      plan,
      source,
      destination,
      mapping,
      match: keyMatchOf(spec, source, destination),
      stage,
      delivery,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of a run that retries errors: only the records that failed. */
function withRetries(source: Source, { spec, options }: RunPlan, store: Store): Source {
  const { retryOf } = options;
  return retryOf === undefined
    ? source
    : retrySource(source, keyFields(spec.source.key), store.errors, retryOf);
}

function mappingOf(spec: SyncSpec, source: Source, leaveOut: readonly string[] = []): Mapping {
  return compileMapping({
    fields: spec.fields,
    leaveOut,
    where: spec.where,
    sourceFields: source.fields,
    sampled: source.sampled,
    key: keyFields(spec.source.key),
  });
}

/** How keys compare at this destination: by what its key fields hold. */
function keyMatchOf(spec: SyncSpec, source: Source, destination: Destination): KeyMatch {
  const fields = keyFields(spec.destination.key).map((name) => named(destination.fields, name));
  // A database tells null from an empty text; CSV files and forms write the one for the other.
  const emptyIsKey = keyFields(spec.source.key).every(
    (name) => named(source.fields, name)?.native !== undefined,
  );
  return { ...spec.match, fields, emptyIsKey };
}

function named(fields: readonly Field[] | null, name: string): Field | undefined {
  return fields?.find((field) => field.name === name);
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
