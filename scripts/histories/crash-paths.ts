import { finished, putSync, tableSync, until, type Bench } from '../../test/support/bench.ts';
import type { Faults } from '../../test/support/faults.ts';
import { recordHistory } from '../../test/support/temporal-history.ts';
import { save } from './save.ts';

/** Runs that lose their worker, to `kill -9` and to SIGTERM, and one that loses what it staged. */
export async function crashPaths(bench: Bench, faults: Faults): Promise<void> {
  const { stack } = bench;
  faults.plan({ point: 'export.after-apply', action: 'kill', sync: 'killed' });
  await putSync(stack, 'killed', tableSync('t'));
  await finished(stack.client, (await stack.client.runs.start('killed')).id);
  save('worker-killed', await recordHistory(stack, 'sync/killed'));
  await workerLeft(bench);
  await stagingLost(bench);
}

async function workerLeft({ stack, crm }: Bench): Promise<void> {
  await crm.query('TRUNCATE slow');
  await putSync(stack, 'left', tableSync('t', { destination: { stream: 'public.slow' } }));
  const { id } = await stack.client.runs.start('left');
  await until(stack.client, id, ({ stats }) => stats.imported > 0);
  for (const pid of stack.workerPids()) process.kill(pid, 'SIGTERM');
  await finished(stack.client, id);
  save('worker-left', await recordHistory(stack, 'sync/left'));
}

async function stagingLost({ stack, crm }: Bench): Promise<void> {
  await crm.query('TRUNCATE slow');
  await putSync(stack, 'lost', tableSync('t', { destination: { stream: 'public.slow' } }));
  const { id } = await stack.client.runs.start('lost');
  await until(stack.client, id, ({ stats }) => stats.imported > 0);
  await stack.client.runs.act(id, 'pause');
  await until(stack.client, id, ({ status }) => status === 'paused');
  // As a crash of the destination's server leaves tables that are not logged.
  await crm.query(`DO $$ DECLARE t regclass; BEGIN
    FOR t IN SELECT c.oid FROM pg_class c WHERE c.relname LIKE 'staged%' AND c.relkind = 'r' LOOP
      BEGIN EXECUTE 'TRUNCATE ' || t; EXCEPTION WHEN undefined_table THEN NULL; END; -- applied meanwhile
    END LOOP; END $$`);
  await stack.client.runs.act(id, 'resume');
  await finished(stack.client, id);
  save('staging-lost', await recordHistory(stack, 'sync/lost'));
}
