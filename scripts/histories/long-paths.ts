import { putSync, runSync, type Bench } from '../../test/support/bench.ts';
import { recordHistories } from '../../test/support/temporal-history.ts';
import { save } from './save.ts';

/** A run that continues as new, its first execution and its last. The server must suggest it early. */
export async function longPaths({ stack, shop }: Bench): Promise<void> {
  await shop.query(`CREATE TABLE many (id int PRIMARY KEY, v text);
    INSERT INTO many SELECT n, md5(n::text) FROM generate_series(1, 40000) n`);
  await stack.client.connections.put('files', { type: 'file', path: stack.dataDir });
  await putSync(stack, 'many', {
    source: { connection: 'shop', stream: 'public.many', key: 'id' },
    destination: { connection: 'files', stream: 'many.jsonl', key: 'id' },
    mode: 'create',
  });
  await runSync(stack, 'many');
  const histories = await recordHistories(stack, 'sync/many');
  const [last, first] = [histories.at(0), histories.at(-1)];
  if (last === undefined || first === undefined || histories.length < 2)
    throw new Error('the run did not continue as new');
  save('continues-as-new', first);
  save('continued-as-new', last);
}
