import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { unlimited, type Calls } from '../../src/connectors/contract/calls.ts';
import type { JobDestination } from '../../src/connectors/contract/jobs.ts';
import type { WriteOperation } from '../../src/connectors/contract/records.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import { TransientError } from '../../src/model/failure.ts';
import type { JsonObject } from '../../src/model/json.ts';
import { untilDone } from './acts.ts';
import {
  heldRecords as held,
  linkTo,
  openDestination,
  openSource,
  suiteFields,
  type Harness,
  type JobFaults,
} from './harness.ts';
import { recordedCalls } from './recorded-calls.ts';

/** What every destination must do that takes records as long jobs. */
export function jobsSuite(harness: () => Harness): void {
  it('has a result for each record of a job, in their order, refusals among them (R8)', async () => {
    const { refused } = harness();
    await harness().seed([{ code: 'there', name: 'n', note: 'm' }]);
    await withDestination(harness(), async (destination) => {
      const operations = [
        create('a'),
        ...(refused ? [create('bad', refused)] : []),
        create('b'),
        create('there'),
      ];
      const results = await done(destination, operations);
      const wanted = [true, ...(refused ? [false] : []), true, false];
      expect(results.map(({ ok }) => ok)).toEqual(wanted);
      const classes = results.flatMap((result) => (result.ok ? [] : [result.class]));
      expect(new Set(classes)).toEqual(new Set(['record']));
    });
    expect((await held(harness())).map(([code]) => code)).toEqual(['a', 'b', 'there']);
  });

  it('updates and removes by jobs, and leaves other records alone', async () => {
    await harness().seed(['a', 'b', 'c'].map((code) => ({ code, name: 'n', note: 'kept' })));
    await withDestination(harness(), async (destination) => {
      const found = (await destination.lookup?.([['a'], ['b']], unlimited)) ?? [];
      const idOf = (code: string) => found.find(({ key: [key] }) => key === code)?.id ?? null;
      const update = { ...operation('update', 'a', { name: 'fresh' }), id: idOf('a') };
      const remove = { ...operation('remove', 'b', {}), id: idOf('b') };
      for (const each of [update, remove])
        expect(await done(destination, [each])).toMatchObject([{ ok: true }]);
    });
    expect(await held(harness())).toEqual([
      ['a', 'fresh', 'kept'],
      ['c', 'n', 'kept'],
    ]);
  });

  it('finds a job by its submission, and makes another job of another one', async () => {
    await harness().seed([]);
    await withDestination(harness(), async (destination) => {
      const { find } = destination;
      const [first, second] = [randomUUID(), randomUUID()];
      expect(await find?.call(destination, first, unlimited)).toSatisfy(isNone);
      const a = await destination.submit([create('a')], first, unlimited);
      const b = await destination.submit([create('b')], second, unlimited);
      expect(b).not.toBe(a);
      expect(find ? await find.call(destination, first, unlimited) : a).toBe(a);
      expect(find ? await find.call(destination, second, unlimited) : b).toBe(b);
      await untilDone(destination, a, unlimited);
      await untilDone(destination, b, unlimited);
      // Also when it is done: a worker may have died between the two.
      expect(find ? await find.call(destination, first, unlimited) : a).toBe(a);
    });
    expect((await held(harness())).map(([code]) => code)).toEqual(['a', 'b']);
  });

  it('submits nothing whichever of its requests the fence forbids (R6)', async () => {
    await harness().seed([]);
    await withDestination(harness(), async (destination) => {
      const whole = recordedCalls();
      await destination.submit([create('whole')], randomUUID(), whole);
      expect(whole.log.sent).toBeGreaterThan(0);
      for (let allowed = 0; allowed < whole.log.sent; allowed += 1) {
        const submission = randomUUID();
        const notMine = new Error('the chunk has another owner');
        const fence = (request: number) => {
          if (request > allowed) throw notMine;
        };
        const submit = destination.submit([create('x')], submission, recordedCalls({ fence }));
        await expect(submit).rejects.toBe(notMine);
        expect(await destination.find?.(submission, unlimited)).toSatisfy(isNone);
      }
    });
    expect((await held(harness())).map(([code]) => code)).toEqual(['whole']);
  });

  it('submits by one call with an effect: what breaks off before it may be submitted again at once', async ({
    skip,
  }) => {
    const { jobs } = harness();
    if (jobs === undefined) {
      skip();
      return;
    }
    await harness().seed([]);
    await withDestination(harness(), async (destination) => {
      const whole = recordedCalls();
      const submitted = await destination.submit([create('whole')], randomUUID(), whole);
      await untilDone(destination, submitted, unlimited);
      expect(whole.log.effects).toEqual([whole.log.sent]);
      for (let nth = 1; nth < whole.log.sent; nth += 1) {
        const submission = randomUUID();
        const effects = jobs.effects();
        const submit = (calls: Calls) => destination.submit([create(`b${nth}`)], submission, calls);
        jobs.lose(nth);
        await expect(submit(recordedCalls())).rejects.toBeInstanceOf(TransientError);
        await untilDone(destination, await submit(unlimited), unlimited);
        expect([nth, jobs.effects() - effects]).toEqual([nth, 1]);
      }
    });
  });

  it('submits once, whichever answer is lost', async ({ skip }) => {
    const { jobs } = harness();
    if (jobs === undefined) {
      skip();
      return;
    }
    await harness().seed([]);
    await withDestination(harness(), async (destination) => {
      if (destination.find === undefined) throw new Error('lost jobs cannot be found');
      const whole = recordedCalls();
      const submitted = await destination.submit([create('whole')], randomUUID(), whole);
      await untilDone(destination, submitted, unlimited);
      for (let nth = 1; nth <= whole.log.sent; nth += 1) {
        const submission = randomUUID();
        const effects = jobs.effects();
        const operations = [create(`lost${nth}`)];
        jobs.lose(nth);
        const submit = () => destination.submit(operations, submission, recordedCalls());
        await expect(submit()).rejects.toBeInstanceOf(TransientError);
        const job = (await destination.find(submission, unlimited)) ?? (await submit());
        await untilDone(destination, job, unlimited);
        const results = await destination.results(job, operations, unlimited);
        expect(results).toMatchObject([{ ok: true }]);
        expect([nth, jobs.effects() - effects]).toEqual([nth, 1]);
      }
    });
  });

  it('tells that a job is still running, and that one is gone', async ({ skip }) => {
    const { jobs } = harness();
    if (jobs === undefined) {
      skip();
      return;
    }
    await harness().seed([]);
    await withDestination(harness(), async (destination) => {
      await provesSlow(jobs, destination, () =>
        destination.submit([create('a')], randomUUID(), unlimited),
      );
      const gone = destination.poll('no-such-job', unlimited);
      await expect(gone).rejects.toMatchObject({ class: 'transient', code: 'job_lost' });
      const results = destination.results('no-such-job', [create('a')], unlimited);
      await expect(results).rejects.toMatchObject({ class: 'transient', code: 'job_lost' });
    });
  });
}

/** What every source must do whose pages come from an export job. */
export function exportSuite(harness: () => Harness): void {
  it('exports by a job that is found by its submission, and reads its pages', async ({ skip }) => {
    await harness().seed(['a', 'b', 'c'].map((code) => ({ code, name: 'n', note: 'm' })));
    await withSource(harness(), async (source) => {
      const { job } = source;
      if (job === undefined) {
        skip();
        return;
      }
      const submission = randomUUID();
      expect(await job.find?.(submission, unlimited)).toSatisfy(isNone);
      const read = { since: null, until: null, fields: suiteFields };
      const reference = await job.submit(read, submission, unlimited);
      expect(job.find ? await job.find(submission, unlimited) : reference).toBe(reference);
      await untilDone(job, reference, unlimited);
      const codes: unknown[] = [];
      for (let cursor: string | null | undefined = null; cursor !== undefined;) {
        const limit = { records: 2, bytes: 1e6 };
        const page = await source.read({ ...read, cursor, limit, job: reference }, unlimited);
        for await (const { rows } of page.batches()) codes.push(...rows.map(([code]) => code));
        cursor = page.end().cursor ?? undefined;
      }
      expect(codes).toEqual(['a', 'b', 'c']);
    });
  });

  it('submits no export that the fence forbids, and tells that one is still running', async ({
    skip,
  }) => {
    const { jobs } = harness();
    await harness().seed([{ code: 'a', name: 'n', note: 'm' }]);
    await withSource(harness(), async (source) => {
      const { job } = source;
      if (job === undefined || jobs === undefined) {
        skip();
        return;
      }
      const read = { since: null, until: null, fields: suiteFields };
      const whole = recordedCalls();
      await job.submit(read, randomUUID(), whole);
      expect(whole.log.effects).toEqual([whole.log.sent]);
      const notMine = new Error('the chunk has another owner');
      const fence = () => {
        throw notMine;
      };
      const submission = randomUUID();
      const forbidden = job.submit(read, submission, recordedCalls({ fence }));
      await expect(forbidden).rejects.toBe(notMine);
      expect(await job.find?.(submission, unlimited)).toSatisfy(isNone);
      await provesSlow(jobs, job, () => job.submit(read, randomUUID(), unlimited));
    });
  });

  it('tells that an export is gone, when it is asked about and when its pages are read', async ({
    skip,
  }) => {
    await harness().seed([{ code: 'a', name: 'n', note: 'm' }]);
    await withSource(harness(), async (source) => {
      const { job } = source;
      if (job === undefined) {
        skip();
        return;
      }
      const gone = { class: 'transient', code: 'job_lost' };
      await expect(job.poll('no-such-job', unlimited)).rejects.toMatchObject(gone);
      const limit = { records: 2, bytes: 1e6 };
      const read = { since: null, until: null, fields: suiteFields, cursor: null, limit };
      const readAll = async () => {
        const page = await source.read({ ...read, job: 'no-such-job' }, unlimited);
        for await (const _ of page.batches());
      };
      await expect(readAll()).rejects.toMatchObject(gone);
    });
  });
}

async function provesSlow(
  jobs: JobFaults,
  system: Pick<JobDestination, 'poll'>,
  submit: () => Promise<string>,
): Promise<void> {
  jobs.slow();
  const job = await submit();
  const progress = await system.poll(job, unlimited);
  expect(progress.done).toBe(false);
  expect(progress.done || (progress.againMs ?? 1)).toBeGreaterThan(0);
  await untilDone(system, job, unlimited);
}

function isNone(found: string | null | undefined): boolean {
  return found === null || found === undefined;
}

async function done(destination: JobDestination, operations: readonly WriteOperation[]) {
  const job = await destination.submit(operations, randomUUID(), unlimited);
  await untilDone(destination, job, unlimited);
  return destination.results(job, operations, unlimited);
}

function create(code: string, values: JsonObject = { name: 'n', note: 'm' }): WriteOperation {
  return operation('create', code, { code, ...values });
}

function operation(
  kind: WriteOperation['operation'],
  code: string,
  values: JsonObject,
): WriteOperation {
  return { operation: kind, key: [code], id: null, values, idempotencyKey: randomUUID() };
}

async function withDestination(
  harness: Harness,
  use: (destination: JobDestination) => Promise<void>,
): Promise<void> {
  const link = linkTo(harness);
  try {
    const target = harness.target?.({});
    const destination = target && (await openDestination(harness, link, target));
    if (destination?.kind !== 'jobs') throw new Error('the connector takes no jobs');
    await use(destination);
  } finally {
    await link.close();
  }
}

async function withSource(harness: Harness, use: (source: Source) => Promise<void>): Promise<void> {
  const link = linkTo(harness);
  try {
    const request = harness.sourceRequest?.();
    if (request === undefined) throw new Error('the harness has no source');
    await use(await openSource(harness, link, request));
  } finally {
    await link.close();
  }
}
