import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgres } from '../../src/connectors/postgres/postgres.ts';
import {
  connectDirectly,
  type DirectConnection,
  type DirectSource,
} from '../../src/connectors/testing/direct.ts';
import { createDatabase, type Database } from '../support/database.ts';
import { chance, type Chance } from '../support/soak.ts';

let database: Database;
let connection: DirectConnection;

beforeAll(async () => {
  database = await createDatabase('moving');
  const settings = postgres.settings.parse({ url: database.url });
  connection = connectDirectly(postgres, settings, { connection: 'shop' });
});
afterAll(async () => {
  await connection?.close();
  await database?.drop();
});

// Rows change between any two pages; transactions stay open across reads and commit late, with the time they began.
test.each([1, 2, 3, 4])(
  'an incremental reader misses no change of a table that moves (R3), seed %i',
  async (seed) => {
    const random = chance('moving', seed);
    const unique = seed % 2 === 0 ? 'id int PRIMARY KEY' : 'id int';
    await database.query(`DROP TABLE IF EXISTS t;
      CREATE TABLE t (${unique}, v int, at timestamptz DEFAULT date_trunc('milliseconds', now()))`);
    const writers = await Promise.all([writer(), writer(), writer()]);
    const replica = new Map<string, string>();
    let since: string | null = null;
    for (let round = 0; round < 12; round += 1) {
      if (round === 11) for (const each of writers) await each.settle();
      const source = await openTable();
      const until = (await source.highWatermark?.()) ?? null;
      const settled = until && ((await source.settled?.(until))?.watermark ?? until);
      for (let cursor: string | null = null; ;) {
        const page = await source.read({
          cursor,
          since,
          until: since === null ? null : until,
          fields: ['id', 'v'],
          limit: { records: 1 + random.between(0, 4), bytes: 1e9 },
        });
        for await (const { rows } of page.batches())
          for (const [id, v] of rows as [string, string][]) replica.set(id, v);
        ({ cursor } = page.end());
        if (cursor === null) break;
        if (round < 11) for (const each of writers) await each.act(random);
      }
      if (round < 11) for (const each of writers) await each.act(random);
      since = settled ?? since;
    }
    for (const each of writers) await each.end();
    const rows = await database.query('SELECT id, v FROM t');
    for (const { id, v } of rows) expect([id, replica.get(id ?? '')]).toEqual([id, v]);
    expect(rows.length).toBeGreaterThan(5);
  },
);

async function openTable(): Promise<DirectSource> {
  const request = { stream: 'public.t', key: ['id'], options: {}, watermark: 'at' };
  const source = await connection.source?.(request);
  if (source === undefined) throw new Error('no source');
  return source;
}

let ids = 0;

/** A session that inserts, updates and deletes, sometimes in a transaction that it leaves open for a while. */
async function writer() {
  const client = new Client({ connectionString: database.url, options: '-c search_path=public' });
  await client.connect();
  let open = 0;
  const mine: number[] = [];
  const end = async () => {
    if (open > 0) await client.query('COMMIT');
    open = 0;
  };
  return {
    settle: end,
    end: async () => {
      await end();
      await client.end();
    },
    async act(random: Chance): Promise<void> {
      if (open > 0 && (open -= 1) === 0) await client.query('COMMIT');
      else if (open === 0 && random.between(0, 3) === 0) {
        await client.query('BEGIN');
        open = 1 + random.between(0, 12);
      }
      const at = random.between(0, 8) === 0 ? 'NULL' : `date_trunc('milliseconds', now())`;
      const [id] = mine.splice(random.between(0, mine.length), 1);
      if (id === undefined || random.between(0, 2) === 0) {
        if (id !== undefined) mine.push(id);
        mine.push((ids += 1));
        await client.query(`INSERT INTO t VALUES (${ids}, ${random.between(0, 1000)}, ${at})`);
      } else if (random.between(0, 4) === 0) {
        await client.query(`DELETE FROM t WHERE id = ${id}`);
      } else {
        mine.push(id);
        await client.query(
          `UPDATE t SET v = ${random.between(0, 1000)}, at = ${at} WHERE id = ${id}`,
        );
      }
    },
  };
}
