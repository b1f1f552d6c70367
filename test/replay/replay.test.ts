import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { decodeHistory } from '../support/temporal-history.ts';

const folder = new URL('histories/', import.meta.url);
const codePath = fileURLToPath(new URL('../../dist/workflows.bundle.js', import.meta.url));
const recorded = readdirSync(folder).map((file) => {
  const { name, history } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
    name: string;
    history: string;
  };
  return { name, encoded: Buffer.from(history, 'base64') };
});

test('the workflows replay every recorded history (R11)', async () => {
  expect(recorded.length).toBeGreaterThan(0);
  const histories = recorded.map(({ name, encoded }) => ({
    workflowId: name,
    history: decodeHistory(encoded),
  }));
  const replayed: string[] = [];
  const options = { workflowBundle: { codePath } };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories)) {
    expect({ workflowId, error }).toEqual({ workflowId, error: undefined });
    replayed.push(workflowId);
  }
  expect(replayed.toSorted()).toEqual(recorded.map(({ name }) => name).toSorted());
});

test.each(recorded)('the history $name holds no record and no secret (R1)', ({ encoded }) => {
  const text = encoded.toString('latin1');
  expect(text).toMatch(/syncRun|scheduledSync|entityCycle|scheduledCycle/);
  expect(text).not.toContain('postgres://');
  // The values of the recorded runs are md5 sums; this is the md5 of 1.
  expect(text).not.toContain('c4ca4238a0b923820dcc509a6f75849b');
});
