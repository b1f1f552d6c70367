import { afterAll, beforeAll, expect, test } from 'vitest';
import { atomicCalls, bulkCalls, readable, singleCalls } from '../support/contact-calls.ts';
import { expectStats, finished, openBench, putSync, type Bench } from '../support/bench.ts';
import { startStrictApi } from '../support/strict-api.ts';
import { chance, rounds } from '../support/soak.ts';

const rows = rounds(20_000);
const calls = { single: singleCalls, bulk: bulkCalls, atomic: atomicCalls };
const kinds = (['single', 'bulk', 'atomic'] as const).flatMap((kind) =>
  [true, false].map((looksUp) => ({ kind, looksUp })),
);
let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
  await bench.shop.query(`CREATE TABLE people (id int PRIMARY KEY, email text, name text);
    INSERT INTO people SELECT n, 'u' || n, 'N' || n FROM generate_series(1, ${rows}) n`);
});
afterAll(() => bench.close());

test.each(kinds.flatMap((each) => [0.001, 0.01, 0.1, 0.5].map((share) => ({ ...each, share }))))(
  '$share of the records refused, $kind calls, looked up: $looksUp',
  async ({ kind, looksUp, share }) => {
    const { stack } = bench;
    const name = `${kind}_${looksUp ? 'lookup' : 'ledger'}_${String(share).replace('.', '_')}`;
    const { next } = chance(name);
    const bad = new Set<string>();
    for (let n = 1; n <= rows; n++) if (next() < share) bad.add(`u${n}`);
    const poison = [...bad].map((key) => key.replace('u', 'N'));
    const api = await startStrictApi({ poison });
    try {
      const contacts = looksUp ? readable(calls[kind]) : calls[kind];
      await stack.client.connections.put(name, {
        type: 'http',
        url: api.url,
        streams: { contacts },
      });
      await putSync(stack, name, {
        source: { connection: 'shop', stream: 'public.people', key: 'email' },
        destination: { connection: name, stream: 'contacts', key: 'email' },
        mode: 'upsert',
        fields: { full_name: 'name' },
      });
      const began = Date.now();
      const { id } = await stack.client.runs.start(name);
      const run = await finished(stack.client, id);
      const seconds = (Date.now() - began) / 1000;
      expectStats(run, { imported: rows, created: rows - bad.size, errors: bad.size });
      // The API's ledger holds every good record once, and nothing else.
      expect(new Set(api.log.map(({ key }) => key)).size).toBe(api.log.length);
      expect(api.log.length).toBe(rows - bad.size);
      expect(api.log.some(({ key }) => bad.has(key))).toBe(false);
      expect(await errorKeys(run.id)).toEqual(bad);
      const { writes } = api.stats();
      const size = kind === 'single' ? 1 : 100;
      const splitting =
        kind === 'atomic' ? Math.min(2 * bad.size * Math.ceil(Math.log2(size)), 2 * rows) : 0;
      // The last call of every chunk of 5,000 may be not full.
      expect(writes).toBeLessThanOrEqual(
        Math.ceil(rows / size) + Math.ceil(rows / 5000) + splitting,
      );
      console.log(`${name}: ${bad.size} refused, ${writes} calls, ${seconds.toFixed(1)} s`);

      const half = new Set([...bad].filter(() => next() < 0.5));
      for (const key of half) api.poison.delete(key.replace('u', 'N'));
      const before = api.stats().writes;
      if (bad.size === 0) return;
      const retried = await stack.client.runs.act(run.id, 'retry-errors');
      expectStats(await finished(stack.client, retried.id), {
        imported: bad.size,
        created: half.size,
        errors: bad.size - half.size,
      });
      expect(api.log.length).toBe(rows - bad.size + half.size);
      expect(api.stats().writes - before).toBeLessThanOrEqual(2 * bad.size);
    } finally {
      await api.close();
    }
  },
);

async function errorKeys(run: string): Promise<Set<string>> {
  const keys = new Set<string>();
  let after: string | undefined;
  do {
    const page = await bench.stack.client.runs.errors(run, { limit: 200, ...(after && { after }) });
    for (const { key, code } of page.errors) {
      expect(code).toBe('http_400');
      keys.add(String(key));
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
  return keys;
}
