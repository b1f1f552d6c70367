import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { RunActivities } from '../activities/activities.ts';
import type { RunState } from '../src/model/workflow.ts';
import { approveSignal, pauseSignal, resumeSignal, stateQuery } from './messages.ts';
import { scriptedEnvironment, type ScriptedEnvironment } from './testing/environment.ts';
import { askSignal, failSignal, finishSignal, scriptedLife } from './testing/scripted.ts';

type Note = Parameters<RunActivities['noteRun']>[0];

const removal = { remove: 9, of: 10, sample: [] };
let environment: ScriptedEnvironment;
/** What the store was told, in order. */
let notes: Note[] = [];
/** What happens when the store is told something. */
let onNote: () => Promise<void> = async () => undefined;

beforeAll(async () => {
  environment = await scriptedEnvironment({
    noteRun: async (note: Note) => {
      await onNote();
      notes.push(note);
    },
  });
});
afterAll(() => environment.stop());
beforeEach(() => {
  notes = [];
  onNote = async () => undefined;
});

async function live(signal?: SignalDefinition): Promise<WorkflowHandle<typeof scriptedLife>> {
  return environment.start(scriptedLife, { run: randomUUID(), searchable: false }, signal);
}

async function reaches(
  handle: WorkflowHandle<typeof scriptedLife>,
  state: Partial<RunState>,
): Promise<void> {
  await vi.waitFor(async () => expect(await handle.query(stateQuery)).toMatchObject(state), 10_000);
}

const told = (): string[] => notes.map(({ status }) => status);

/** Waits until the store has been told these statuses. */
async function hears(...statuses: string[]): Promise<void> {
  await vi.waitFor(() => expect(told()).toEqual(statuses), 10_000);
}

test('a run pauses and goes on, and the store is told', async () => {
  const handle = await live();
  await reaches(handle, { status: 'running', phase: 'sync' });
  await handle.signal(pauseSignal);
  await reaches(handle, { status: 'paused' });
  await handle.signal(resumeSignal);
  await hears('paused', 'running');
  await handle.signal(finishSignal);
  expect(await handle.result()).toMatchObject({ status: 'completed' });
  expect(told()).toEqual(['paused', 'running']);
});

test('a pause of a paused run, and a resume of a running one, change nothing', async () => {
  const handle = await live();
  await handle.signal(resumeSignal);
  await handle.signal(pauseSignal);
  await handle.signal(pauseSignal);
  await reaches(handle, { status: 'paused' });
  await handle.signal(resumeSignal);
  await hears('paused', 'running');
  await handle.signal(finishSignal);
  await handle.result();
  expect(told()).toEqual(['paused', 'running']);
});

test('a pause that comes before the first step holds', async () => {
  const handle = await live(pauseSignal);
  await reaches(handle, { status: 'paused' });
  await handle.signal(finishSignal);
  await sleep(200);
  await reaches(handle, { status: 'paused' });
  await handle.signal(resumeSignal);
  expect(await handle.result()).toMatchObject({ status: 'completed' });
});

test('a resume that comes before the first step changes nothing', async () => {
  const handle = await live(resumeSignal);
  await reaches(handle, { status: 'running' });
  await handle.signal(finishSignal);
  expect(await handle.result()).toMatchObject({ status: 'completed' });
});

test('a removal waits for its approval, whatever else it is told (R7)', async () => {
  const handle = await live();
  await handle.signal(askSignal, removal);
  await reaches(handle, { status: 'paused' });
  await handle.signal(resumeSignal);
  await handle.signal(pauseSignal);
  await sleep(200);
  await reaches(handle, { status: 'paused', stats: expect.objectContaining({ removed: 0 }) });
  await handle.signal(approveSignal);
  await hears('paused', 'running');
  // From now on it pauses like any other run.
  await handle.signal(pauseSignal);
  await reaches(handle, { status: 'paused' });
  await handle.signal(resumeSignal);
  await handle.signal(finishSignal);
  expect(await handle.result()).toMatchObject({ status: 'completed', stats: { removed: 9 } });
  expect(notes.slice(0, 2)).toMatchObject([{ status: 'paused', removal }, { status: 'running' }]);
});

test('an approval that comes before it is asked for counts', async () => {
  const handle = await live();
  await handle.signal(approveSignal);
  await handle.signal(askSignal, removal);
  await reaches(handle, { stats: expect.objectContaining({ removed: 9 }) });
  await sleep(200);
  expect(notes).toEqual([]);
  await handle.signal(finishSignal);
  expect(await handle.result()).toMatchObject({ status: 'completed', stats: { removed: 9 } });
});

test('a run that waits for approval can be cancelled', async () => {
  const handle = await live();
  await handle.signal(askSignal, removal);
  await reaches(handle, { status: 'paused' });
  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect((await handle.describe()).status.name).toBe('CANCELLED');
});

test('a cancelled run closes first: what is left to do is not cut short', async () => {
  const handle = await live();
  await reaches(handle, { status: 'running' });
  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect(await handle.query(stateQuery)).toMatchObject({
    status: 'cancelled',
    phase: 'close',
    stats: { imported: 7 },
  });
});

test('a paused run can be cancelled', async () => {
  const handle = await live();
  await handle.signal(pauseSignal);
  await reaches(handle, { status: 'paused' });
  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
});

test('a failed run says why', async () => {
  const handle = await live();
  await handle.signal(failSignal);
  expect(await handle.result()).toMatchObject({
    status: 'failed',
    failure: { code: 'full', message: 'the disk is full' },
    stats: { imported: 7 },
  });
});

test('notes follow each other: of those that pile up the last one counts', async () => {
  const listening = new EventEmitter();
  const listens = once(listening, 'now');
  onNote = async () => void (await listens);
  const handle = await live(pauseSignal);
  await reaches(handle, { status: 'paused' });
  await handle.signal(resumeSignal);
  await handle.signal(pauseSignal);
  await handle.signal(resumeSignal);
  await reaches(handle, { status: 'running' });
  listening.emit('now');
  await hears('paused', 'running');
  await handle.signal(finishSignal);
  await handle.result();
  expect(told()).toEqual(['paused', 'running']);
});

test('the Temporal UI shows the run as it is', async () => {
  const handle = await live();
  await reaches(handle, { phase: 'sync' });
  await handle.signal(pauseSignal);
  await reaches(handle, { status: 'paused' });
  const shown = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  expect(shown.currentDetails).toContain('**paused**, phase sync');
  await handle.terminate();
});
