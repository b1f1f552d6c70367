import { putSync, runSync, type Bench, type SyncInput } from '../../test/support/bench.ts';
import { readable, singleCalls } from '../../test/support/contact-calls.ts';
import { startStrictApi } from '../../test/support/strict-api.ts';
import { recordHistory } from '../../test/support/temporal-history.ts';
import { save } from './save.ts';

/** Runs to an API: exports that overlap, chunks that wait for others, a long wait for the quota. */
export async function apiPaths({ stack, shop }: Bench): Promise<void> {
  const api = await startStrictApi({ quota: { requests: 400, perMs: 1000 } });
  const contacts = readable(singleCalls);
  await stack.client.connections.put('api', { type: 'http', url: api.url, streams: { contacts } });
  await shop.query(`CREATE TABLE people (id int PRIMARY KEY, email text, twin text, v text);
    INSERT INTO people SELECT n, 'u' || n, 't' || n % 250, md5(n::text) || repeat('x', 40000) FROM generate_series(1, 600) n`);
  await putSync(stack, 'records', syncBy('email'));
  await runSync(stack, 'records');
  save('records', await recordHistory(stack, 'sync/records'));
  await putSync(stack, 'repeats', syncBy('twin'));
  api.pause(25_000, 429);
  await runSync(stack, 'repeats');
  save('records-repeated-limited', await recordHistory(stack, 'sync/repeats'));
  await api.close();
}

function syncBy(key: string): SyncInput {
  return {
    source: { connection: 'shop', stream: 'public.people', key },
    destination: { connection: 'api', stream: 'contacts', key: 'email' },
    mode: 'upsert',
    fields: { length: { expr: 'size(v)' } },
  };
}
