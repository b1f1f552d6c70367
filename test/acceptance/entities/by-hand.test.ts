import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  callApi,
  historyOf,
  makeTable,
  openEntityBench,
  putEntity,
  recordsOf,
  recordWith,
  runCycle,
  tableSource,
  type EntityBench,
} from '../../support/entity-bench.ts';
import { expectSettled } from '../../support/entity-cases.ts';
import { until } from '../../support/bench.ts';

vi.setConfig({ testTimeout: 180_000 });
let bench: EntityBench;
const main = fileURLToPath(new URL('../../../dist/src/cli/main.js', import.meta.url));

beforeAll(async () => {
  bench = await openEntityBench();
});
afterAll(() => bench.close());

/** Runs the command line against the bench's server and returns the JSON that it prints. */
async function sluice(...args: string[]): Promise<unknown> {
  const env = { ...process.env, SLUICE_URL: bench.stack.url };
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args, '--json'], {
    env,
  });
  return JSON.parse(stdout) as unknown;
}

test('a field set by hand stays, is delivered, tells where it is from, and is taken back', async () => {
  const { stack, sf, hs } = bench;
  for (const db of [sf, hs]) await makeTable(db, 'hand', 'name text, size int');
  await sf.query(
    `INSERT INTO hand VALUES (1, 'Acme', 5, '2026-01-02'), (2, 'Bolt', 1, '2026-01-02')`,
  );
  await hs.query(`INSERT INTO hand VALUES (1, 'Acme', 6, '2026-01-03')`);
  const source = { attach: [['name']], fields: { name: 'name', size: 'size' } };
  await putEntity(stack, 'hand', {
    fields: { name: 'text', size: 'integer' },
    sources: { sf: tableSource('sf', 'hand', source), hs: tableSource('hs', 'hand', source) },
    authority: { name: 'latest', size: { ranked: ['sf', 'hs'] } },
    merge: { match: [['name']], report: true },
    destinations: {
      hs: { destination: { connection: 'hs', stream: 'public.hand' }, mode: 'upsert' },
    },
  });
  await runCycle(stack, 'hand');
  const { id } = await recordWith(stack, 'hand', 'sf', 1);
  const path = `/v1/entities/hand/records/${id}`;
  const sizeAt = async (): Promise<unknown> =>
    (await hs.query(`SELECT size FROM hand WHERE id = 1`))[0]?.['size'];
  expect(await sizeAt()).toBe('5');

  for (const [field, value, status] of [
    ['size', 'seven', 422],
    ['none', 7, 422],
    ['size', '7', 200],
  ] as const) {
    const answer = await callApi(stack, 'PUT', `${path}/fields/${field}`, {
      value,
      reason: 'asked',
    });
    expect(answer).toMatchObject({ status });
  }
  await runCycle(stack, 'hand');
  expect(await sizeAt()).toBe('7');
  // What sources say from then on is refused by a person's decision, and put right where it was written.
  await sf.query(`UPDATE hand SET size = 8, changed = '2026-02-01' WHERE id = 1`);
  await hs.query(`UPDATE hand SET size = 9, changed = now() WHERE id = 1`);
  await runCycle(stack, 'hand');
  expect(await sizeAt()).toBe('7');
  const history = await historyOf(stack, 'hand', id);
  expect(history.flatMap(({ changes }) => changes).at(-1)).toMatchObject({
    field: 'size',
    old: 5,
    new: 7,
    source: 'manual',
    by: 'manual',
    reason: 'asked',
  });
  expect(history.at(-1)?.refused).toMatchObject([
    { source: 'sf', value: 8, by: 'manual' },
    { source: 'hs', value: 9, by: 'manual' },
  ]);
  await expectSettled(stack, 'hand', [[hs, 'hand']]);

  const { record } = (await sluice('records', 'hand', id, '--provenance')) as {
    record: { provenance: unknown };
  };
  expect(record.provenance).toMatchObject({
    name: { value: 'Acme', source: 'hs', by: 'latest', lost: [] },
    size: {
      value: 7,
      source: 'manual',
      by: 'manual',
      reason: 'asked',
      lost: [
        { source: 'sf', value: 8, how: 'refused' },
        { source: 'hs', value: 9, how: 'refused' },
      ],
    },
  });

  expect(await callApi(stack, 'DELETE', `${path}/fields/size`)).toMatchObject({
    status: 200,
    body: { fields: { size: 8 } },
  });
  expect((await callApi(stack, 'DELETE', `${path}/fields/size`)).status).toBe(404);
  await runCycle(stack, 'hand');
  expect(await sizeAt()).toBe('8');

  // Erased, nothing of it is left, in the record that comes again neither.
  await callApi(stack, 'PUT', `${path}/fields/size`, { value: 70, reason: 'asked' });
  expect((await callApi(stack, 'DELETE', path)).status).toBe(204);
  await sf.query(`UPDATE hand SET size = 10, changed = '2026-03-01' WHERE id = 1`);
  await runCycle(stack, 'hand');
  expect((await recordsOf(stack, 'hand')).map(({ fields }) => fields['size'])).not.toContain(70);

  expect(await sluice('lag', 'hand')).toMatchObject({ destinations: { hs: { records: 0 } } });
  expect(await sluice('duplicates', 'hand')).toEqual({ groups: [] });

  // While a cycle is open, nothing is set.
  const { id: run } = await stack.client.entities.start('hand');
  await stack.client.runs.act(run, 'pause');
  const of = await recordWith(stack, 'hand', 'sf', 2);
  const refused = await callApi(stack, 'PUT', `/v1/entities/hand/records/${of.id}/fields/name`, {
    value: 'x',
    reason: 'x',
  });
  expect(refused).toMatchObject({ status: 409, body: { code: 'run_open', run } });
  await stack.client.runs.act(run, 'resume');
  await until(stack.client, run, ({ status }) => status === 'completed');
});
