import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectStats,
  finished,
  openBench,
  putSync,
  tableSync,
  until,
  type Bench,
} from '../support/bench.ts';
import { startStack } from '../support/stack.ts';

const rows = 200_000;
const columns = 'id int PRIMARY KEY, name text, amount numeric';
let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
  await bench.shop.query(`CREATE TABLE many (${columns});
    INSERT INTO many SELECT n, md5(n::text), n / 3.0 FROM generate_series(1, ${rows}) n`);
});
afterAll(() => bench.close());

test('a worker that is killed changes nothing in the end (R2, R5, R6)', async () => {
  const { stack } = bench;
  const run = await midway('worker_killed');
  const [pid] = stack.workerPids();
  if (pid === undefined) throw new Error('no worker');
  process.kill(pid, 'SIGKILL');
  await landed('worker_killed', run);
  expect(stack.workerPids()).toHaveLength(1);
  expect(stack.workerPids()).not.toContain(pid);
}, 180_000);

test('everything killed and started again: the run goes on by itself (R2, R5, R6)', async () => {
  const run = await midway('all_killed');
  const [pid] = bench.stack.workerPids();
  await bench.stack.kill();
  bench.stack = await startStack(bench.stack.dataDir);
  await landed('all_killed', run);
  expect(bench.stack.workerPids()).not.toContain(pid);
}, 180_000);

/** Starts a sync into a new table and waits until a part of it has landed. */
async function midway(name: string): Promise<string> {
  const { stack, crm } = bench;
  await crm.query(`CREATE TABLE ${name} (${columns});
    CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON ${name} FOR EACH STATEMENT EXECUTE FUNCTION ${name}()`);
  await putSync(stack, name, tableSync('many', { destination: { stream: `public.${name}` } }));
  const { id } = await stack.client.runs.start(name);
  const { status } = await until(
    stack.client,
    id,
    (run) => run.stats.created > 0 || run.status !== 'running',
  );
  expect(status).toBe('running');
  return id;
}

/** The run ends with exact stats and rows. */
async function landed(name: string, id: string): Promise<void> {
  const { stack, shop, crm } = bench;
  expectStats(await finished(stack.client, id), { imported: rows, created: rows });
  expect(await crm.value(sum(name))).toBe(await shop.value(sum('many')));
}

/** Tells two tables with other rows apart. */
function sum(table: string): string {
  return `SELECT count(*) || ' ' || sum(hashtextextended(t::text, 0)) FROM ${table} t`;
}
