import { unlimited } from '../../src/connectors/contract/calls.ts';
import type { Destination } from '../../src/connectors/contract/destination.ts';
import type { Target } from '../../src/connectors/contract/target.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import type { DestinationEnd } from '../../src/connectors/ends.ts';
import { checkFacts } from '../../src/engine/mapping/facts.ts';
import { compileMapping, mappingInto, type Mapping } from '../../src/engine/mapping/mapping.ts';
import { ConfigError } from '../../src/model/failure.ts';
import type { Field } from '../../src/model/field.ts';
import type { KeyMatch } from '../../src/model/match.ts';
import { permissionsOf } from '../../src/model/mode.ts';
import { keyFields, type SyncSpec } from '../../src/model/sync.ts';
import type { RunPlan } from '../../src/store/runs/run-plans.ts';
import type { Store } from '../../src/store/store.ts';
import { noChange, openDelivery, type Delivery } from '../entity/delivery.ts';
import { waitsForFirstRead } from '../entity/first-read.ts';
import { openDeliveredDestination, openDeliveryPath } from '../entity/open-delivered.ts';
import type { Dependencies } from '../host/dependencies.ts';
import { openPath } from '../paths/open-path.ts';
import { Parents, type OpenParent } from '../ends/parents.ts';
import type { OpenConnection, Connects } from '../ends/connect.ts';
import type { Ends } from '../ends/ends.ts';
import {
  destinationEndOf,
  openDestination,
  openSource,
  sourceEndOf,
  type Opening,
} from '../ends/open-ends.ts';
import { retrySource } from '../ends/retry-source.ts';
import type { Session } from './session.ts';

/** Is never aborted: a session outlives the activity that opens it. */
const { signal } = new AbortController();

/**
 * Opens both ends of a run and the path between them. The run belongs to a sync, or to a destination of an entity; then
 * its source is the entity's change log.
 */
export async function openSession(
  { store }: Dependencies,
  connects: Connects,
  run: string,
): Promise<Session> {
  const plan = await store.runPlans.get(run);
  if (plan === null) throw new ConfigError('unknown_run', `run ${run} does not exist (any more)`);
  const delivery = await openDelivery(store, plan);
  const opening = { store, connects, run, plan };
  return delivery === null ? openSync(opening) : openDelivered(opening, delivery);
}

interface OpeningSession {
  readonly store: Store;
  readonly connects: Connects;
  readonly run: string;
  readonly plan: RunPlan;
}

async function openSync({ store, connects, run, plan }: OpeningSession): Promise<Session> {
  const { spec } = plan;
  const from = await connects.connect(spec.source.connection, run);
  const to = await connects.connect(spec.destination.connection, run);
  const close = async (): Promise<void> => {
    await Promise.all([from.connection.close(), to.connection.close()]);
  };
  try {
    const destinationEnd = destinationEndOf(to, spec);
    const sourceEnd = sourceEndOf(from, spec);
    const opened = await openSource(from, sourceEnd, spec, from.calls({ signal }));
    const source = withRetries(opened, plan, store);
    const mapping = mappingOf(spec, source);
    const opening = { run, plan, source, mapping };
    const destination = await openDestination(to, destinationEnd, opening, to.calls({ signal }));
    const calls = { callSource: from.calls, callDestination: to.calls };
    const parents = new Parents(parentOpener(to, destinationEnd, opening), to.calls);
    const ends = endsOf({ run, plan, source, destination, mapping, parents, ...calls });
    return { ends, path: openPath(store, ends, destination), origin: null, warnings: [], close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openDelivered(
  { store, connects, run, plan }: OpeningSession,
  delivery: Delivery,
): Promise<Session> {
  const { spec } = plan;
  const to = await connects.connect(spec.destination.connection, run);
  const close = () => to.connection.close();
  try {
    const source = withRetries(delivery.source, plan, store);
    const mapping = mappingOf(spec, source);
    const opening = { run, plan, source, mapping };
    const destinationEnd = destinationEndOf(to, spec);
    const destination = await openDeliveredDestination(
      to,
      destinationEnd,
      opening,
      delivery,
      store,
      to.calls({ signal }),
    );
    const calls = { callSource: () => unlimited, callDestination: to.calls };
    const parents = new Parents(parentOpener(to, destinationEnd, opening), to.calls);
    const ends = endsOf({ run, plan, source, destination, mapping, parents, ...calls });
    const path = openDeliveryPath(store, ends, destination, delivery);
    const warnings = delivery.read.once ? [] : [waitsForFirstRead(delivery.system)];
    return { ends, path, origin: noChange, warnings, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Returns a function that opens other streams of the run's destination, to look up the records that fields point to.
 */
function parentOpener(to: OpenConnection, end: DestinationEnd, { run, plan }: Opening): OpenParent {
  return async ({ stream, field, key }) => {
    const target: Target = {
      sync: plan.sync,
      run,
      stream,
      key: key.map((part) => part.to),
      fields: field === null ? [] : [field],
      permissions: { create: false, update: false, remove: false },
      match: { caseInsensitive: false, trim: false },
      tracked: false,
      options: {},
      kind: 'records',
      dryRun: true,
    };
    const parent = await end.role.open(to.connection, target, to.calls({ signal }));
    if (parent.kind !== 'staging') return parent;
    throw new ConfigError('no_lookup', `records of ${stream} cannot be looked up`);
  };
}

/**
 * Returns the ends of a run, with the mapping fitted to the destination's fields.
 * @throws ConfigError when the mapping contradicts the facts of those fields
 */
function endsOf({
  destination,
  mapping: declared,
  ...ends
}: Omit<Ends, 'match'> & { readonly destination: Destination }): Ends {
  const { spec } = ends.plan;
  const { fields, leavesOut = [] } = destination;
  const copied = leavesOut.length === 0 ? declared : mappingOf(spec, ends.source, leavesOut);
  const mapping = fields === null ? copied : mappingInto(copied, fields);
  const { connection, key } = spec.destination;
  if (fields !== null)
    checkFacts(mapping, fields, keyFields(key), permissionsOf(spec.mode), connection);
  return {
    ...ends,
    mapping,
    match: keyMatchOf(spec, ends.source, destination),
  };
}

/** Returns the source; for a run that retries errors, one of only the records that failed. */
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

/** Returns the rules by which keys are compared, with the types of the destination's key fields. */
function keyMatchOf(spec: SyncSpec, source: Source, destination: Destination): KeyMatch {
  const fields = keyFields(spec.destination.key).map((name) => named(destination.fields, name));
  // A database tells null from an empty text, so an empty text is a key there. CSV files and forms use one for the
  // other.
  const emptyIsKey = keyFields(spec.source.key).every(
    (name) => named(source.fields, name)?.native !== undefined,
  );
  return { ...spec.match, fields, emptyIsKey };
}

function named(fields: readonly Field[] | null, name: string): Field | undefined {
  return fields?.find((field) => field.name === name);
}
