import { setTimeout as sleep } from 'node:timers/promises';
import { finished, putSync, tableSync, until, type Bench } from '../../test/support/bench.ts';
import { recordHistory } from '../../test/support/temporal-history.ts';
import { save } from './save.ts';

/** Runs that are paused, resumed, cancelled and approved. */
export async function steeredPaths(bench: Bench): Promise<void> {
  const { crm } = bench;
  await crm.query(`CREATE TABLE slow (id int PRIMARY KEY, v text);
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
    CREATE TRIGGER slowly BEFORE INSERT ON slow FOR EACH STATEMENT EXECUTE FUNCTION slowly()`);
  await pausedAndResumed(bench);
  await cancelled(bench);
  await approvedAndCancelled(bench);
}

async function startSlow({ stack }: Bench, sync: string): Promise<string> {
  await putSync(stack, sync, tableSync('t', { destination: { stream: 'public.slow' } }));
  const { id } = await stack.client.runs.start(sync);
  await until(stack.client, id, ({ status }) => status === 'running');
  await sleep(700);
  return id;
}

async function pausedAndResumed(bench: Bench): Promise<void> {
  const { stack } = bench;
  const id = await startSlow(bench, 'paused');
  await stack.client.runs.act(id, 'pause');
  await until(stack.client, id, ({ status }) => status === 'paused');
  await stack.client.runs.act(id, 'resume');
  await finished(stack.client, id);
  save('paused-resumed', await recordHistory(stack, 'sync/paused'));
}

async function cancelled(bench: Bench): Promise<void> {
  const { stack, crm } = bench;
  await crm.query('TRUNCATE slow');
  const id = await startSlow(bench, 'cancelled');
  await stack.client.runs.act(id, 'cancel');
  await finished(stack.client, id);
  save('cancelled', await recordHistory(stack, 'sync/cancelled'));
}

async function approvedAndCancelled({ stack, shop, crm }: Bench): Promise<void> {
  await crm.query('CREATE TABLE m (id int PRIMARY KEY, v text); INSERT INTO m VALUES (1)');
  await shop.query('CREATE TABLE m (id int PRIMARY KEY, v text)');
  await putSync(stack, 'mirror', tableSync('m', { mode: 'mirror' }));
  for (const action of ['cancel', 'approve'] as const) {
    const { id } = await stack.client.runs.start('mirror');
    await until(stack.client, id, ({ removal }) => removal !== null);
    await stack.client.runs.act(id, action);
    await finished(stack.client, id);
    save(`mirror-${action}`, await recordHistory(stack, 'sync/mirror'));
  }
}
