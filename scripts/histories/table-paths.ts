import { finished, putSync, runSync, tableSync, type Bench } from '../../test/support/bench.ts';
import { recordHistory } from '../../test/support/temporal-history.ts';
import { save } from './save.ts';

/** Runs between tables that are left alone. Makes the table `t`, which later paths read. */
export async function tablePaths(bench: Bench): Promise<void> {
  const { stack, shop, crm } = bench;
  await shop.query(`CREATE TABLE t (id int PRIMARY KEY, v text);
    INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 120000) n`);
  await crm.query('CREATE TABLE t (id int PRIMARY KEY, v text)');
  await putSync(stack, 'completed', tableSync('t'));
  await runSync(stack, 'completed', { dryRun: true });
  save('dry-run', await recordHistory(stack, 'sync/completed'));
  await runSync(stack, 'completed');
  save('completed', await recordHistory(stack, 'sync/completed'));
  await putSync(stack, 'failed', tableSync('t', { source: { stream: 'public.none' } }));
  await runSync(stack, 'failed');
  save('failed', await recordHistory(stack, 'sync/failed'));
  await stoppedAndContinued(bench);
  await scheduled(bench);
}

async function stoppedAndContinued({ stack, crm }: Bench): Promise<void> {
  await crm.query(
    'CREATE TABLE picky (id int PRIMARY KEY, v text, CHECK (id NOT BETWEEN 60000 AND 60100))',
  );
  const picky = tableSync('t', { destination: { stream: 'public.picky' } });
  await putSync(stack, 'picky', { ...picky, stopAfter: { errors: 50 } });
  const stopped = await runSync(stack, 'picky');
  save('too-many-errors', await recordHistory(stack, 'sync/picky'));
  await putSync(stack, 'picky', picky);
  const { id } = await stack.client.runs.start('picky', { continueOf: stopped.id });
  await finished(stack.client, id);
  save('continued', await recordHistory(stack, 'sync/picky'));
  const retry = await stack.client.runs.act(stopped.id, 'retry-errors');
  await finished(stack.client, retry.id);
  save('errors-retried', await recordHistory(stack, 'sync/picky'));
}

async function scheduled({ stack }: Bench): Promise<void> {
  await putSync(stack, 'due', tableSync('t', { schedule: { every: '2s' } }));
  for (let tries = 0; tries < 100; tries++) {
    const { runs } = await stack.client.runs.list({ sync: 'due', status: 'completed' });
    if (runs.length > 0) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await putSync(stack, 'due', tableSync('t'));
  save('scheduled', await recordHistory(stack, 'scheduledSync'));
}
