import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import * as fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createDatabase, type Database as TestDatabase } from '../../test/support/database.ts';
import { mergeKeys } from '../../src/engine/entity/duplicates.ts';
import { compileEntity, matchKeys } from '../../src/engine/entity/plan.ts';
import { entitySchema, type EntitySpec } from '../../src/model/entity.ts';
import { nothingKnown } from '../../src/model/field.ts';
import { TransientError } from '../../src/model/failure.ts';
import { newRunId } from '../../src/model/run-id.ts';
import { migrate, openDatabase, type Database } from '../../src/store/database/database.ts';
import { createKeyRing } from '../../src/store/sealing/key-ring.ts';
import { openSeal } from '../../src/store/sealing/seal.ts';
import { wholeLog, wholeRecord } from '../../src/store/entities/compact.ts';
import { ValueCodec } from '../../src/store/entities/values.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import type { CycleActivities } from '../activities.ts';
import { createActivities } from '../index.ts';
import { RowServer, type ServedRow } from './testing/row-server.ts';

/** The rows of sources, cycle by cycle. */
interface History {
  readonly spec: EntitySpec;
  readonly page: number;
  readonly cycles: readonly Readonly<Record<string, readonly ServedRow[]>>[];
}

/** Disturbances of the pipeline: the longest delay of each of the `calls`, and how many of 1,000 fail. */
interface Disturbance {
  readonly delays: readonly number[];
  readonly failures: number;
  readonly zombies: number;
}

const calls = ['commit', 'find', 'idsOf', 'systemsOf', 'records', 'entries', 'prepare', 'claim'];
const calm: Disturbance = { delays: [], failures: 0, zombies: 0 };
const served = new RowServer();
let made: TestDatabase;
let db: Database;
let store: Store;
let activities: CycleActivities;
let disturbance = calm;

beforeAll(async () => {
  made = await createDatabase('unify');
  db = openDatabase(made.url);
  await migrate(db);
  store = createStore(db, await openSeal(db, createKeyRing([randomBytes(32)])));
  await store.catalog.putConnection({ id: 'served', type: 'served', settings: {} });
  disturb(store.matchKeys, ['find']);
  disturb(store.sourceRecords, ['find', 'idsOf', 'systemsOf']);
  disturb(store.records, ['records', 'entries', 'prepare']);
  const of = store.chunks.of.bind(store.chunks);
  const disturbedOf = (series: Parameters<typeof of>[0]) => {
    const chunks = of(series);
    disturb(chunks, ['claim', 'commit']);
    return chunks;
  };
  Object.assign(store.chunks, { of: disturbedOf });
  activities = createActivities({ store, connectors: { get: async () => served.connector } });
});
afterAll(async () => {
  await db.destroy();
  await made.drop();
});
beforeEach(() => {
  vi.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000);
});

/** Slows calls of the store down, and lets some of them fail, before or after they have done their work. */
function disturb<T extends object>(of: T, names: readonly (keyof T & string)[]): void {
  for (const name of names) {
    const original = (of[name] as (...args: unknown[]) => Promise<unknown>).bind(of);
    const disturbed = async (...args: unknown[]): Promise<unknown> => {
      await trouble(name);
      const result = await original(...args);
      if (name === 'commit') served.committed += 1;
      await trouble(name);
      return result;
    };
    Object.assign(of, { [name]: disturbed });
  }
}

async function trouble(name: string): Promise<void> {
  const { delays, failures } = disturbance;
  const longest = delays[calls.indexOf(name)] ?? 0;
  if (longest > 0) await sleep(longest * (0.5 + Math.random() / 2));
  if (Math.random() * 1000 < failures) throw new TransientError('disturbed', name);
}

let activity = 0;

/**
 * Calls an activity as Temporal does: again until it succeeds, and now and then while an attempt given up still works.
 */
async function call<Name extends keyof CycleActivities>(
  name: Name,
  input: Parameters<CycleActivities[Name]>[0],
): Promise<unknown> {
  const activityId = String((activity += 1));
  const zombies: Promise<unknown>[] = [];
  for (let attempt = 1; ; attempt++) {
    const logger = new DefaultLogger('ERROR', () => undefined);
    const environment = new MockActivityEnvironment({ activityId, attempt }, { logger });
    const work = environment.run(activities[name] as (given: unknown) => Promise<unknown>, input);
    if (name === 'unifySource' && Math.random() < disturbance.zombies) {
      zombies.push(work.catch(() => undefined));
      await sleep(Math.random() * 50);
      continue;
    }
    try {
      return await work;
    } catch (error) {
      const { type, message } = error as { type?: string; message: string };
      const isExpected =
        ['page_read', 'disturbed', 'overtaken'].includes(type ?? '') ||
        message.includes('SupersededError');
      if (!isExpected || attempt > 400) throw error;
      served.read = 0;
      served.committed = 0;
    } finally {
      if (zombies.length > 0 && attempt % 10 === 0) await Promise.all(zombies);
    }
  }
}

let count = 0;

/** Runs the cycles of a history; returns all that is stored after each activity. */
async function play({ spec, page, cycles }: History, pageAnAttempt: boolean): Promise<unknown[]> {
  const entity = `e${(count += 1)}`;
  await store.entities.put(entity, spec);
  const states: unknown[] = [];
  served.page = page;
  for (const rows of cycles) {
    served.rows = rows;
    const run = newRunId(Date.now(), randomUUID());
    await call('openCycle', { run, entity });
    served.pageAnAttempt = pageAnAttempt;
    for (const source of Object.keys(spec.sources)) {
      served.read = 0;
      served.committed = 0;
      states.push(await call('unifySource', { run, entity, source, reading: 'changes' }));
      states.push(await stateOf(entity, spec), await chunksOf(run));
    }
    served.pageAnAttempt = false;
    await call('mergeDuplicates', { run, entity });
    states.push(await stateOf(entity, spec));
    const end = { status: 'completed', failure: null } as const;
    await call('closeCycle', { run, entity, end, more: false });
  }
  return states;
}

interface RecordRow {
  id: string;
  deleted: boolean;
  merge_due: boolean;
  merged_into: string | null;
  cycle: string;
  data: Buffer;
}

/**
 * All that is stored of an entity, records by their rank. The index of match keys and what is due to be compared are
 * checked.
 */
async function stateOf(entity: string, spec: EntitySpec): Promise<unknown> {
  const no = (await store.entities.state(entity))?.no ?? -1;
  const codec = new ValueCodec(store.seal, true);
  const records = (
    await sql<RecordRow>`select * from entity_records where entity = ${no} order by id`.execute(db)
  ).rows.map((row) => ({ ...row, ...wholeRecord(codec.decode(row.data)) }));
  const ranks = new Map(records.map(({ id }, at) => [id, `#${at}`]));
  const ids = await sql<{ system: string; record: string; data: Buffer }>`
    select system, record, data from entity_ids where entity = ${no}`.execute(db);
  const log = await sql<{ record: string; cycle: string; operation: string; data: Buffer }>`
    select record, cycle, operation, data from entity_log where entity = ${no} order by cycle, record`.execute(
    db,
  );
  await checkKeys(no, spec, records);
  return {
    records: records.map(({ id, data: _data, merged_into: merged, values, setBy, ...row }) => ({
      id: ranks.get(id),
      merged: merged && ranks.get(merged),
      deleted: row.deleted,
      due: row.merge_due,
      cycle: row.cycle,
      values,
      setBy,
    })),
    ids: ids.rows
      .map(({ system, record, data }) =>
        JSON.stringify([system, ranks.get(record), codec.decode(data)]),
      )
      .toSorted(),
    log: log.rows.map(({ data, ...row }) => {
      const { merged, ids: changed, ...entry } = wholeLog(codec.decode(data));
      return {
        ...entry,
        ...row,
        record: ranks.get(row.record),
        ids: changed.map((one) => JSON.stringify(one)).toSorted(),
        merged: merged.map((id) => ranks.get(id)),
      };
    }),
  };
}

async function chunksOf(run: string): Promise<unknown[]> {
  const { rows } = await sql`
    select reading, no, state, imported, created, updated, unchanged, removed, errors, counts from chunks
    where run = ${run} and state = 'exported' and imported > 0 order by reading, no`.execute(db);
  return rows;
}

async function checkKeys(
  no: number,
  spec: EntitySpec,
  records: readonly (RecordRow & ReturnType<typeof wholeRecord>)[],
): Promise<void> {
  const plan = compileEntity(spec, () => nothingKnown);
  const live = records.filter(({ deleted }) => !deleted);
  const wanted = live.flatMap(({ id, values }) =>
    matchKeys(plan.rules, values).map(
      (key) => `${store.seal.hash(`${no}\0${key}`).toString('hex')} ${id}`,
    ),
  );
  const { rows } = await sql<{ key: string }>`
    select encode(hash, 'hex') || ' ' || record as key from entity_keys where entity = ${no}`.execute(
    db,
  );
  expect(rows.map(({ key }) => key).toSorted()).toEqual(wanted.toSorted());
  const holders = new Map<string, { merge_due: boolean }[]>();
  for (const record of live)
    for (const key of mergeKeys(plan, record.values))
      holders.set(key, [...(holders.get(key) ?? []), record]);
  const guard = plan.merge?.guard ?? 0;
  const missed = [...holders].filter(
    ([, sharing]) =>
      sharing.length > 1 && sharing.length <= guard && !sharing.some((record) => record.merge_due),
  );
  expect(missed.map(([key]) => key)).toEqual([]);
}

/** A row as a source changes it; `late`: by how much its time lags behind. */
type Change = Omit<ServedRow, 'at'> & { readonly late: number };

const word = fc.option(
  fc.integer({ min: 0, max: 5 }).map((n) => `k${n}`),
  { freq: 10 },
);
const missing = fc.constant(undefined);
const change: fc.Arbitrary<Change> = fc.record({
  id: fc.integer({ min: 0, max: 8 }).map(String),
  email: fc.oneof({ weight: 6, arbitrary: word }, { weight: 1, arbitrary: missing }),
  name: fc.oneof({ weight: 3, arbitrary: word }, { weight: 2, arbitrary: missing }),
  phone: fc.oneof({ weight: 3, arbitrary: word }, { weight: 2, arbitrary: missing }),
  late: fc.integer({ min: 0, max: 9 }).map((die) => (die === 0 ? 3 : 0)),
  gone: fc.integer({ min: 0, max: 5 }).map((die) => die === 0),
});
const attach = fc.constantFrom<string[][][]>(
  [],
  [['email']],
  [['email'], ['phone']],
  [['upper']],
  [['email', 'name'], ['email']],
);
const histories: fc.Arbitrary<History> = fc
  .record({
    attach: fc.tuple(attach, attach),
    phone: fc.constantFrom('latest', { owner: 'a' }),
    ambiguous: fc.constantFrom('error', 'oldest', 'complete', 'updated'),
    deletes: fc.constantFrom('any', 'all', 'never'),
    match: fc.constantFrom<string[][][]>([['email']], [['email'], ['phone', 'name']], [['upper']]),
    isDestination: fc.integer({ min: 0, max: 4 }).map((die) => die === 0),
    page: fc.integer({ min: 1, max: 4 }),
    cycles: fc.array(
      fc.record({ a: fc.array(change, { maxLength: 25 }), b: fc.array(change, { maxLength: 25 }) }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ page, cycles, ...how }) => {
    let at = 0;
    const timed = (changes: readonly Change[]): ServedRow[] =>
      changes.map(({ late, ...row }) => ({ ...row, at: (at += 1) - late }));
    return {
      spec: specOf(how),
      page,
      cycles: cycles.map(({ a, b }) => ({ a: timed(a), b: timed(b) })),
    };
  });

const source = (stream: string, rules: string[][]) => ({
  source: { connection: 'served', stream, id: 'id', watermark: 'at', full: true },
  ...(rules.length > 0 && { attach: rules }),
  fields: { email: 'email', name: 'name', phone: 'phone' },
  deleted: 'gone',
});

function specOf({
  attach: [a, b] = [[['email']], [['email']]],
  isDestination = false,
  match = [['email']],
  ...how
}: {
  attach?: [string[][], string[][]];
  isDestination?: boolean;
  match?: string[][];
  phone?: unknown;
  ambiguous?: string;
  deletes?: string;
}): EntitySpec {
  const { phone = 'latest', ...more } = how;
  return entitySchema.parse({
    fields: {
      email: 'text',
      name: 'text',
      phone: 'text',
      upper: { type: 'text', expr: 'upper(email)' },
    },
    sources: { a: source('a', a), b: source('b', b) },
    authority: { email: 'latest', name: { ranked: ['a', 'b'] }, phone },
    merge: { match },
    ...(isDestination && {
      destinations: { b: { destination: { connection: 'served', stream: 'b' }, mode: 'upsert' } },
    }),
    ...more,
  });
}

/** Plays a history chunk by chunk, then with chunks that overlap, are disturbed and tried again. */
async function playTwice(
  history: History,
  disturbed: Disturbance,
): Promise<{ apart: unknown[]; overlapping: unknown[] }> {
  const apart = await play(history, true);
  disturbance = disturbed;
  const overlapping = await play(history, false).finally(() => {
    disturbance = calm;
  });
  return { apart, overlapping };
}

/** The records and ids at the end. */
function recordsOf(states: readonly unknown[]): unknown {
  const { records, ids } = states.at(-1) as Record<'records' | 'ids', unknown>;
  return { records, ids };
}

/** Slow commits, so that the next chunk is looked up before the commit of the last one ends. */
const slowCommits: Disturbance = { delays: [100], failures: 0, zombies: 0 };

test('chunks that overlap, fail and are tried again make the same as one after the other', async () => {
  const delays = fc.array(fc.constantFrom(0, 0, 2, 12), { minLength: 8, maxLength: 8 });
  const disturbances = fc.record({
    delays,
    failures: fc.constantFrom(0, 0, 5, 15),
    zombies: fc.constantFrom(0, 0.3),
  });
  const isSame = fc.asyncProperty(histories, disturbances, async (history, disturbed) => {
    const { apart, overlapping } = await playTwice(history, disturbed);
    expect(overlapping).toEqual(apart);
  });
  await fc.assert(isSame, { numRuns: 12, endOnFailure: true });
}, 120_000);

const row = (id: string, at: number, email: string | null, gone = false): ServedRow => {
  return { id, at, email, gone };
};

test.each<[string, string | undefined, Record<string, ServedRow[]>[]]>([
  [
    'an id that goes and comes again in one chunk',
    'any',
    [{ a: [row('1', 1, 'x'), row('1', 2, null, true), row('1', 3, 'y')] }],
  ],
  [
    'an id that goes and comes to another record in one chunk',
    'never',
    [
      { a: [row('1', 1, 'x')], b: [row('9', 1, 'x')] },
      { a: [row('1', 2, null, true), row('1', 3, 'z'), row('2', 3, 'x')] },
    ],
  ],
  [
    'a record that has an id of the system and gets a key is no candidate',
    'never',
    [{ a: [row('1', 1, 'x')] }, { a: [row('1', 2, 'y'), row('2', 2, 'y')] }],
  ],
  [
    'ids that look like what stands in for ids',
    'never',
    [
      { a: [row('7', 1, 'x')], b: [row('9', 1, 'x')] },
      { a: [row('a 0', 2, 'q'), row('a 1', 3, 'r'), row('8', 3, 'x')] },
    ],
  ],
])('%s', async (_, deletes = 'never', cycles) => {
  const spec = specOf({ deletes });
  const played = [];
  for (const page of [1, 2, 3]) played.push(await playTwice({ spec, page, cycles }, slowCommits));
  expect(played.map(({ overlapping }) => overlapping)).toEqual(played.map(({ apart }) => apart));
  // However the source cuts its pages.
  const ends = played.map(({ apart }) => recordsOf(apart));
  expect(ends).toEqual(ends.map(() => ends[0]));
});

test('of more holders of a key than are looked at, those that are left count', async () => {
  const many = Array.from({ length: 110 }, (_, n) => row(String(n), 1, 'none'));
  const moved = many.slice(0, 100).map(({ id }) => row(id, 2, `own ${id}`));
  const spec = specOf({ attach: [[['email']], []], ambiguous: 'oldest' });
  const cycles = [{ a: many }, { a: [...moved, row('new', 3, 'none')] }];
  const { apart, overlapping } = await playTwice({ spec, page: 100, cycles }, slowCommits);
  expect(overlapping).toEqual(apart);
});
