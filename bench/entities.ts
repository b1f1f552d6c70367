import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from '../src/api/views/run-view.ts';
import { entitySchema, type EntitySpec } from '../src/model/entity.ts';
import { isOver } from '../src/model/run.ts';
import { createDatabase, type Database } from '../test/support/database.ts';
import { startCluster, type Cluster } from './support/cluster.ts';
import { say } from './support/measure.ts';
import type { BenchOptions } from './support/options.ts';
import { peakMebibytes, resetPeak } from './support/proc.ts';
import { writeResults } from './support/results.ts';
import { startSluice, type Sluice } from './support/sluice.ts';

/** The measurements of an ingest. */
export interface Ingest {
  /** The number of records of both sources. */
  readonly records: number;
  readonly encrypted: boolean;
  /** `first`: all records are new; `again`: all are read again and none has changed; `changed`: 1 % have changed. */
  readonly what: 'first' | 'again' | 'changed';
  /** Records that the cycles read. */
  readonly read: number;
  /** From the start of the first cycle to the end of the last. */
  readonly seconds: number;
  readonly cycles: number;
  /** Golden records that it made. */
  readonly created: number;
  /** CPU seconds by part. */
  readonly cpu: Readonly<Record<string, number>>;
  /** The highest of the worker; MiB. */
  readonly peak: number;
}

/** Results of bench 6. */
export type EntityResults = readonly Ingest[];

/** Records that a cycle reads of each source. */
const batch = 250_000;

/** Bench 6: unifying two sources, half of whose records meet. `--rows` is how many both have together. */
export async function benchEntities(options: BenchOptions): Promise<void> {
  const rows = options.rows ?? 1_000_000;
  const cluster = await startCluster();
  try {
    const results: Ingest[] = [];
    for (let round = 0; round < options.rounds; round++)
      for (const encrypted of [true, false]) {
        // Each with a state database of its own: nobody pays for what another one left.
        const sluice = await startSluice();
        try {
          for (const one of await measure(sluice, cluster, rows, encrypted)) {
            results.push(one);
            say(JSON.stringify(one));
            writeResults('entities', results, cluster.version);
          }
        } finally {
          await sluice.close();
        }
      }
  } finally {
    await cluster.stop();
  }
}

async function measure(
  sluice: Sluice,
  cluster: Cluster,
  rows: number,
  encrypted: boolean,
): Promise<Ingest[]> {
  const { stack } = sluice;
  const [crm, shop] = [await createDatabase('crm'), await createDatabase('shop')];
  await fill(crm, shop, rows / 2);
  await stack.client.connections.put('crm', { type: 'postgres', url: crm.url });
  await stack.client.connections.put('shop', { type: 'postgres', url: shop.url });
  const id = 'people';
  await stack.client.entities.put(id, { ...spec, encrypted });
  const ingest = async (what: Ingest['what'], full: boolean): Promise<Ingest> => {
    await cluster.checkpoint();
    const workers = stack.workerPids();
    workers.forEach(resetPeak);
    const before = sluice.cpu();
    const start = performance.now();
    const cycles = await drain(sluice, id, full);
    return {
      records: rows,
      encrypted,
      what,
      read: cycles.reduce((sum, { stats }) => sum + stats.imported, 0),
      seconds: (performance.now() - start) / 1000,
      cycles: cycles.length,
      created: cycles.reduce((sum, { stats }) => sum + stats.created, 0),
      cpu: spent(before, sluice.cpu()),
      peak: Math.max(...workers.map(peakMebibytes)),
    };
  };
  const first = await ingest('first', false);
  assert.equal(first.read, rows);
  assert.equal(first.created, expectedGolden(rows));
  const again = await ingest('again', true);
  await touch(crm, shop);
  const changed = await ingest('changed', false);
  await stack.client.entities.remove(id);
  await Promise.all([crm.drop(), shop.drop()]);
  return [first, again, changed];
}

/** Runs cycles until no source holds more, as `sluice run` does; asks twice a second whether they are over. */
async function drain({ stack }: Sluice, id: string, full: boolean): Promise<RunView[]> {
  const first = await stack.client.entities.start(id, { drain: true, full });
  for (;;) {
    await sleep(500);
    const { runs } = await stack.client.runs.list({ entity: id, limit: 100 });
    const cycles = runs.slice(0, runs.findIndex((run) => run.id === first.id) + 1);
    const [last] = cycles;
    if (last === undefined || !isOver(last.status) || last.more === undefined) continue;
    for (const cycle of cycles)
      assert.equal(cycle.status, 'completed', JSON.stringify(cycle.failure));
    if (!last.more) return cycles;
  }
}

/** Half of the records of each source meet one of the other by email. */
function expectedGolden(rows: number): number {
  return (rows / 2) * 1.5;
}

function spent(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([part, seconds]) => [part, seconds - (before[part] ?? 0)]),
  );
}

async function fill(crm: Database, shop: Database, rows: number): Promise<void> {
  await crm.query(`CREATE TABLE contacts (id text PRIMARY KEY, email text, first_name text, last_name text, phone text,
      city text, updated_at timestamptz)`);
  await crm.query(`INSERT INTO contacts SELECT 'c' || i, 'user' || i || '@example' || (i % 977) || '.com', 'First' || (i % 5003),
      'Last' || (i % 7001), '+1' || lpad(i::text, 10, '0'), 'City ' || (i % 1009),
      timestamptz '2026-01-01' + i * interval '1 second' FROM generate_series(1, ${rows}) i`);
  await shop.query(
    `CREATE TABLE customers (no int PRIMARY KEY, mail text, name text, city text, spent numeric(12,2), changed timestamptz)`,
  );
  await shop.query(`INSERT INTO customers SELECT i, 'user' || (i + ${rows / 2}) || '@example' || ((i + ${rows / 2}) % 977) || '.com',
      'Name' || i, 'Town ' || (i % 1013), round((i * 37 % 1000003) / 100.0, 2),
      timestamptz '2026-02-01' + i * interval '1 second' FROM generate_series(1, ${rows}) i`);
  await crm.query('CREATE INDEX ON contacts (updated_at, id)');
  await shop.query('CREATE INDEX ON customers (changed, no)');
  for (const db of [crm, shop]) await db.query('VACUUM ANALYZE');
}

async function touch(crm: Database, shop: Database): Promise<void> {
  await crm.query(`UPDATE contacts SET city = city || ' (new)', updated_at = timestamptz '2026-09-01' + substr(id, 2)::int * interval '1 s'
    WHERE substr(id, 2)::int % 100 = 0`);
  await shop.query(
    `UPDATE customers SET spent = spent + 1, changed = timestamptz '2026-09-01' + no * interval '1 s' WHERE no % 100 = 0`,
  );
  for (const db of [crm, shop]) await db.query('VACUUM ANALYZE');
}

const spec: EntitySpec = entitySchema.parse({
  fields: {
    email: 'text',
    name: 'text',
    phone: 'text',
    city: 'text',
    spent: 'number',
    domain: 'text',
  },
  sources: {
    crm: {
      source: {
        connection: 'crm',
        stream: 'public.contacts',
        id: 'id',
        watermark: 'updated_at',
        batch,
      },
      attach: [['email']],
      fields: {
        email: 'email',
        name: { expr: 'first_name + " " + last_name' },
        phone: 'phone',
        city: 'city',
        domain: { expr: 'domain(email)' },
      },
    },
    shop: {
      source: {
        connection: 'shop',
        stream: 'public.customers',
        id: 'no',
        watermark: 'changed',
        batch,
      },
      attach: [['email'], ['name', 'city']],
      fields: { email: 'mail', name: 'name', city: 'city', spent: 'spent' },
    },
  },
  authority: { email: 'latest', name: { ranked: ['crm', 'shop'] }, city: 'latest' },
  merge: { match: [['email']] },
});
