import { expect, test } from 'vitest';
import type { Calls } from '../../../src/connectors/contract/calls.ts';
import type { JobDestination } from '../../../src/connectors/contract/jobs.ts';
import type { WriteOperation, WriteResult } from '../../../src/connectors/contract/records.ts';
import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import { ConfigError, TransientError } from '../../../src/model/failure.ts';
import type { JournalEntry } from '../../../src/store/runs/journal.ts';
import type { Job } from '../../../src/store/runs/jobs.ts';
import { pacedCalls, type CallTerms } from '../../quota/paced-calls.ts';
import type { KeyedWork } from '../keyed/keyed-work.ts';
import { ChunkJobs } from './chunk-jobs.ts';

test('a job that the system has lost makes record errors that a retry can mend, and is not submitted again (R8)', async () => {
  const world = rig();
  expect(await world.advance()).toMatchObject({ job: { name: 'run-3-0', connection: 'crm' } });
  world.says = lost;
  expect(await world.advance()).toBeNull();
  expect(world.outcomes()).toEqual(both(failedWith('job_lost')));
  expect(await world.advance()).toBeNull();
  expect(world.submitted).toEqual(['run-3-0']);
});

test('results that are gone are a lost job', async () => {
  const world = rig({ results: () => Promise.reject(lost) });
  world.says = 'done';
  expect(await world.advance()).toBeNull();
  expect(world.outcomes()).toEqual(both(failedWith('job_lost')));
});

test('a poll that fails for a moment changes nothing: the next one takes the results', async () => {
  const world = rig();
  world.says = new TransientError('server_error', 'crm answered 500');
  await expect(world.advance()).rejects.toBe(world.says);
  expect(world.outcomes()).toEqual(both(null));
  world.says = 'done';
  expect(await world.advance()).toBeNull();
  expect(world.outcomes()).toEqual(both({ ok: true, id: 'r' }));
  expect(world.submitted).toEqual(['run-3-0']);
});

test('what breaks off before the job is started is submitted again, and not in doubt', async () => {
  const world = rig();
  world.preparing = new TransientError('network', 'the upload broke off');
  await expect(world.advance()).rejects.toBe(world.preparing);
  expect(world.outcomes()).toEqual([]);
  world.preparing = undefined;
  world.says = 'done';
  expect(await world.advance()).toBeNull();
  expect(world.outcomes()).toEqual(both({ ok: true, id: 'r' }));
});

test('a job whose submission nobody can ask about is not submitted again: its records are in doubt', async () => {
  const world = rig();
  world.starting = new TransientError('network', 'the start broke off');
  await expect(world.advance()).rejects.toBe(world.starting);
  expect(await world.advance()).toBeNull();
  expect(world.outcomes()).toEqual(both(failedWith('unknown_outcome')));
  expect(world.submitted).toEqual([]);
});

test('a run that is over submits nothing, and takes what its jobs have come to', async () => {
  const idle = rig();
  expect(await idle.settle()).toBeNull();
  expect(idle.submitted).toEqual([]);
  const world = rig();
  await world.advance();
  expect(await world.settle()).toMatchObject({ waitMs: expect.any(Number) as number });
  world.says = 'done';
  expect(await world.settle()).toBeNull();
  expect(world.outcomes()).toEqual(both({ ok: true, id: 'r' }));
});

test('a submission that the system does not know of counts as nothing once the run is over', async () => {
  const world = rig({ find: async () => null });
  world.starting = new TransientError('network', 'the start broke off');
  await expect(world.advance()).rejects.toBe(world.starting);
  expect(world.outcomes()).toEqual(both(null));
  expect(await world.settle()).toBeNull();
  expect(world.outcomes()).toEqual([]);
  expect(world.noted()).toEqual([]);
});

test.each([
  ['failed as a whole', new ConfigError('refused', 'crm: the job failed'), 0],
  ['never ends', 'runs', 25 * 3_600_000],
] as const)('a job of a run that is over which %s is given up', async (_, says, ageMs) => {
  const world = rig();
  await world.advance();
  world.age(ageMs);
  world.says = says;
  expect(await world.settle()).toBeNull();
  expect(world.outcomes()).toEqual(both(failedWith('unknown_outcome')));
});

const lost = new TransientError('job_lost', 'crm: a job is gone');

/** The same outcome for both operations; null: they were sent, and nothing was heard. */
function both(outcome: unknown): unknown[] {
  return [0, 1].map((seq) => ({ seq, outcome }));
}

/** An outcome that a retry can mend. */
function failedWith(code: string): unknown {
  return expect.objectContaining({ ok: false, code, retryable: true });
}

/** The jobs of a chunk with two creates, with a system and a state database in memory. */
function rig(differing: Partial<Pick<JobDestination, 'find' | 'results'>> = {}) {
  const journal = new Map<number, JournalEntry['outcome']>();
  const jobs = new Map<number, Job>();
  const submitted: string[] = [];
  const world = {
    submitted,
    /** The answer to a poll. */
    says: 'runs' as 'runs' | 'done' | Error,
    /** Failures of the call before the start of a job, and of the start. */
    preparing: undefined as Error | undefined,
    starting: undefined as Error | undefined,
    outcomes: (): JournalEntry[] => [...journal].map(([seq, outcome]) => ({ seq, outcome })),
    noted: () => [...jobs.values()],
    age(ms: number): void {
      for (const [part, job] of jobs)
        jobs.set(part, { ...job, submittedAt: new Date(Date.now() - ms) });
    },
    advance: async () => (await open()).advance(),
    settle: async () => (await open()).settle(),
  };
  const destination: JobDestination = {
    kind: 'jobs',
    fields: null,
    batch: { create: 10, update: 10, remove: 10 },
    idempotentCreate: false,
    lookupBatch: 10,
    async submit(_, submission, { make }) {
      await make(async () => ({ value: thrown(world.preparing) }), { effect: false });
      await make(async () => ({ value: thrown(world.starting) }));
      submitted.push(submission);
      return `job of ${submission}`;
    },
    async poll() {
      if (world.says instanceof Error) throw world.says;
      return { done: world.says === 'done' };
    },
    results: async (_, operations) => operations.map(wentWell),
    ...differing,
  };
  const store = {
    jobs: {
      list: async () => world.noted(),
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
    },
    journal: {
      async write(
        _: unknown,
        { entries, retracted = [] }: { entries: JournalEntry[]; retracted?: number[] },
      ) {
        for (const seq of retracted) journal.delete(seq);
        for (const { seq, outcome } of entries) journal.set(seq, outcome);
      },
    },
  };
  const change = (part: number, changed: Partial<Job>): void => {
    const job = jobs.get(part);
    if (job !== undefined) jobs.set(part, { ...job, ...changed });
  };
  const work = {
    store,
    ends: { plan: { spec: { destination: { connection: 'crm' } } }, callDestination },
    destination,
    books: { learner: () => undefined },
  } as unknown as KeyedWork<JobDestination>;
  const { signal } = new AbortController();
  const step = { run: 'run', chunk: 3, token: 1, attempt: 1, signal };
  const open = () => ChunkJobs.open(work, step, creates);
  return world;
}

function callDestination(terms: CallTerms): Calls {
  return pacedCalls(() => null, idleCaller, terms);
}

const idleCaller = { begins: () => undefined, waits: () => undefined, went: () => undefined };

const creates = ['a', 'b'].map((code): DecidedOperation => ({
  operation: 'create',
  key: [code],
  canonicalKey: `["${code}"]`,
  id: null,
  values: { code },
}));

function thrown(error: Error | undefined): void {
  if (error !== undefined) throw error;
}

function wentWell(_operation: WriteOperation): WriteResult {
  return { ok: true, id: 'r' };
}
