import { expect, test } from 'vitest';
import type { SourceJob } from '../../../src/connectors/contract/jobs.ts';
import { TransientError } from '../../../src/model/failure.ts';
import type { Job } from '../../../src/store/runs/jobs.ts';
import type { Store } from '../../../src/store/store.ts';
import { pacedCalls, type CallTerms } from '../../quota/paced-calls.ts';
import type { Ends } from '../../ends/ends.ts';
import { exportLost, sourceJob } from './source-job.ts';

test('an export is submitted once, and its pages come from it when it is done', async () => {
  const world = rig();
  expect(await world.job()).toMatchObject({ job: { name: 'run-read', connection: 'bulk' } });
  world.says = 'done';
  expect(await world.job()).toBe('job of run-read');
  expect(await world.job(5)).toBe('job of run-read');
  expect(world.submitted).toEqual(['run-read']);
});

test('an export whose answer was lost is found, and submitted again only where it is not', async () => {
  const found = rig({ find: async () => 'found' });
  found.fails = broken;
  await expect(found.job()).rejects.toBe(broken);
  found.says = 'done';
  expect(await found.job()).toBe('found');
  const missing = rig({ find: async () => null });
  missing.fails = broken;
  await expect(missing.job()).rejects.toBe(broken);
  missing.fails = undefined;
  await missing.job();
  expect([...found.submitted, ...missing.submitted]).toEqual(['run-read', 'run-read', 'run-read']);
});

test('an export that nobody can ask about is submitted again: it wrote nothing', async () => {
  const world = rig();
  world.fails = broken;
  await expect(world.job()).rejects.toBe(broken);
  world.fails = undefined;
  world.says = 'done';
  expect(await world.job()).toBe('job of run-read');
});

test('an attempt that has lost the chunk submits no export (R6)', async () => {
  const world = rig();
  const notMine = new Error('another attempt owns the chunk');
  world.fence = notMine;
  await expect(world.job()).rejects.toBe(notMine);
  expect(world.submitted).toEqual([]);
});

test('an export that is lost is submitted anew under another name, but not for ever', async () => {
  const world = rig();
  world.says = 'lost';
  for (let times = 0; times < 4; times += 1)
    expect(await world.job()).toMatchObject({ waitMs: expect.any(Number) as number });
  const names = ['run-read', 'run-read-1', 'run-read-2', 'run-read-3'];
  expect(world.submitted).toEqual(names);
  await expect(world.job()).rejects.toMatchObject({ class: 'config', code: 'job_lost' });
  expect(world.submitted).toEqual(names);
});

test('an export that is gone when it is read is submitted anew before its first page, and fails the run after it', async () => {
  const world = rig();
  world.says = 'done';
  await world.job();
  expect(await world.gone(0)).toMatchObject({ waitMs: expect.any(Number) as number });
  expect(await world.job()).toBe('job of run-read-1');
  await expect(world.gone(1)).rejects.toMatchObject({ code: 'job_lost', connection: 'bulk' });
});

const broken = new TransientError('network', 'the answer was lost');

/** The export of a run, with a system and a state database in memory. */
function rig(differing: Partial<Pick<SourceJob, 'find'>> = {}) {
  const jobs = new Map<number, Job>();
  const submitted: string[] = [];
  const change = (part: number, changed: Partial<Job>): void => {
    const job = jobs.get(part);
    if (job !== undefined) jobs.set(part, { ...job, ...changed });
  };
  const world = {
    submitted,
    /** The answer to a poll. */
    says: 'runs' as 'runs' | 'done' | 'lost',
    /** Failures of the answer to a submission, and of the fence before it. */
    fails: undefined as Error | undefined,
    fence: undefined as Error | undefined,
    job: (chunk = 0) => sourceJob(store, ends, system, stepAt(chunk), read),
    gone: (chunk: number) => exportLost(store, ends, stepAt(chunk)),
  };
  const system: SourceJob = {
    submit: (_, name, { make }) =>
      make(async () => {
        submitted.push(name);
        if (world.fails) throw world.fails;
        return { value: `job of ${name}` };
      }),
    async poll() {
      if (world.says === 'lost') throw new TransientError('job_lost', 'it is gone');
      return { done: world.says === 'done' };
    },
    ...differing,
  };
  const store = {
    chunks: { claim: async () => 'claimed' },
    journal: {
      async write() {
        if (world.fence) throw world.fence;
      },
    },
    jobs: {
      list: async () => [...jobs.values()].toSorted((a, b) => a.part - b.part),
      async announce(_: unknown, part: number, kind: Job['kind'], submission: string) {
        const job = { kind, part, submission, reference: null, done: false };
        jobs.set(part, { ...job, submittedAt: new Date() });
      },
      async withdraw(_: unknown, part: number) {
        jobs.delete(part);
      },
      submitted: async (_: unknown, part: number, _kind: string, reference: string) =>
        change(part, { reference }),
      done: async (_: unknown, part: number) => change(part, { done: true }),
      lost: async (_: unknown, part: number) => change(part, { done: true, reference: null }),
    },
  } as unknown as Store;
  return world;
}

const ends = {
  plan: { spec: { source: { connection: 'bulk' } } },
  callSource: (terms: CallTerms) => pacedCalls(() => null, idleCaller, terms),
} as unknown as Ends;

const idleCaller = { begins: () => undefined, waits: () => undefined, went: () => undefined };
const read = { since: null, until: null, fields: ['code'] };

function stepAt(chunk: number) {
  return { run: 'run', chunk, token: 1, attempt: 1, signal: new AbortController().signal };
}
