import { setTimeout as sleep } from 'node:timers/promises';
import { finished } from '../../test/support/bench.ts';
import {
  makeTable,
  openEntityBench,
  putEntity,
  runCycle,
  tableSource,
  type EntityBench,
  type EntityInput,
} from '../../test/support/entity-bench.ts';
import { recordHistories, recordHistory } from '../../test/support/temporal-history.ts';
import { save } from './save.ts';

/** Cycles of an entity: undisturbed, scheduled, drained, waiting for approval, failed and cancelled. */
export async function entityPaths(): Promise<void> {
  const bench = await openEntityBench();
  try {
    await makeTable(bench.sf, 'e', 'name text');
    await makeTable(bench.out, 'e', 'name text');
    await bench.sf.query(
      `INSERT INTO e (id, name) SELECT n, md5(n::text) FROM generate_series(1, 300) n`,
    );
    await ended(bench);
    await scheduled(bench);
    await approved(bench);
  } finally {
    await bench.close();
  }
}

const entity: EntityInput = {
  fields: { name: 'text' },
  sources: { sf: tableSource('sf', 'e', { fields: { name: 'name' }, source: { batch: 200 } }) },
  merge: { match: [['name']] },
  destinations: {
    out: { destination: { connection: 'out', stream: 'public.e', id: 'id' }, mode: 'upsert' },
  },
};

async function ended({ stack }: EntityBench): Promise<void> {
  const { client } = stack;
  await putEntity(stack, 'one', entity);
  await runCycle(stack, 'one');
  save('cycle', await recordHistory(stack, 'entity/one'));
  await putEntity(stack, 'drained', entity);
  await client.entities.start('drained', { drain: true });
  while ((await client.runs.list({ entity: 'drained', status: 'completed' })).runs.length < 2)
    await sleep(100);
  const [last, first] = await recordHistories(stack, 'entity/drained');
  if (first === undefined || last === undefined) throw new Error('it was not drained');
  save('cycle-drains', first);
  save('cycle-drained', last);
  const missing = tableSource('sf', 'none', { fields: { name: 'name' } });
  await putEntity(stack, 'failed', { ...entity, sources: { sf: missing } });
  await finished(client, (await client.entities.start('failed')).id);
  save('cycle-failed', await recordHistory(stack, 'entity/failed'));
}

async function scheduled({ stack }: EntityBench): Promise<void> {
  await putEntity(stack, 'due', { ...entity, schedule: { every: '2s' } });
  for (let tries = 0; tries < 100; tries++) {
    const { runs } = await stack.client.runs.list({ entity: 'due', status: 'completed' });
    if (runs.length > 1) break;
    await sleep(200);
  }
  await putEntity(stack, 'due', entity);
  save('cycle-scheduled', await recordHistory(stack, 'scheduledCycle'));
}

/** A scan finds everything gone: it waits, is paused by nobody, and approved, then cancelled. */
async function approved({ stack, sf }: EntityBench): Promise<void> {
  const { client } = stack;
  const table = { fields: { name: 'name' }, deleted: { scan: '1ms' } };
  const sources = { sf: tableSource('sf', 'e', table) };
  await putEntity(stack, 'gone', { ...entity, sources });
  await runCycle(stack, 'gone');
  await runCycle(stack, 'gone');
  await sf.query('DELETE FROM e');
  const waiting = async (): Promise<string> => {
    const { id } = await client.entities.start('gone');
    while ((await client.runs.get(id)).status !== 'paused') await sleep(100);
    return id;
  };
  const cancelled = await waiting();
  await client.runs.act(cancelled, 'cancel');
  await finished(client, cancelled);
  save('cycle-cancelled', await recordHistory(stack, 'entity/gone'));
  const approving = await waiting();
  await client.runs.act(approving, 'approve');
  await finished(client, approving);
  save('cycle-approved', await recordHistory(stack, 'entity/gone'));
}
