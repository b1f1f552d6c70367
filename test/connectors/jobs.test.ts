import { expect, test } from 'vitest';
import { unlimited } from '../../src/connectors/contract/calls.ts';
import type { JobDestination } from '../../src/connectors/contract/jobs.ts';
import type { JsonObject } from '../../src/model/json.ts';
import { jobSystem } from '../support/job-connector.ts';
import { startJobSystem } from '../support/job-system.ts';
import { startJobSystemProcess } from '../support/job-system-process.ts';
import { untilDone } from './acts.ts';
import { linkTo, suiteTarget, type Harness } from './harness.ts';
import { connectorSuite } from './suite.ts';

connectorSuite('job system', { source: true, destination: 'jobs' }, harness);

async function harness(): Promise<Harness> {
  const system = await startJobSystem();
  const { url, token, records } = system;
  const wrongToken = 'wrong-token-of-the-suite';
  return {
    connector: jobSystem,
    settings: { url, token },
    async seed(all) {
      records.seed('contacts', all);
    },
    readBack: async () => records.present('contacts'),
    trace: async () => [system.ledger(), records.present('contacts')],
    requests: () => system.stats().calls,
    limit() {
      system.fault({ kind: '429', times: 2 });
      return () => undefined;
    },
    standstill: {
      acts: ['read', 'look up', 'scan', 'submit create'],
      async begin() {
        system.fault({ kind: 'hang' });
        return async () => system.fault({ kind: 'release' });
      },
    },
    secrets: [token, wrongToken],
    broken: {
      'wrong credentials': { url, token: wrongToken },
      'nobody there': { url: 'http://127.0.0.1:1', token },
    },
    sourceRequest: () => ({ stream: 'contacts', key: ['code'], options: {} }),
    watermarked: () => ({ stream: 'contacts', key: ['code'], options: {}, watermark: 'note' }),
    target: (options) => suiteTarget('contacts', options),
    wrongStream: { stream: 'contact', nearest: 'contacts' },
    refused: { name: 'refused', note: 'n' },
    leastRecords: 1,
    jobs: {
      lose: (nth) => system.fault({ kind: 'lost', after: nth - 1 }),
      slow: () => system.fault({ kind: 'slow', times: 1, polls: 2 }),
      effects: () => system.ledger().length,
    },
    close: () => system.close(),
  };
}

test('a job system in a process of its own keeps its jobs while those who submit them come and go', async () => {
  const system = await startJobSystemProcess(50);
  try {
    const { url, token } = system;
    const operations = [
      {
        operation: 'create',
        key: ['a'],
        id: null,
        values: { code: 'a', name: 'n' } as JsonObject,
        idempotencyKey: 'once',
      },
    ] as const;
    await system.fault({ kind: '500' });
    const failed = withJobs(url, token, (jobs) => jobs.submit(operations, 'failed', unlimited));
    await expect(failed).rejects.toMatchObject({ class: 'transient', code: 'server_error' });
    await system.fault({ kind: 'lost', after: 3 });
    await expect(
      withJobs(url, token, (jobs) => jobs.submit(operations, 'once', unlimited)),
    ).rejects.toMatchObject({ class: 'transient' });
    const results = await withJobs(url, token, async (jobs) => {
      const job = (await jobs.find?.('once', unlimited)) ?? '';
      await untilDone(jobs, job, unlimited);
      return jobs.results(job, operations, unlimited);
    });
    expect(results).toMatchObject([{ ok: true }]);
    expect(await system.ledger()).toMatchObject([{ operation: 'create', fields: { code: 'a' } }]);
    expect(await system.stats()).toMatchObject({ created: 1, refused: 0 });
  } finally {
    await system.close();
  }
});

/** Uses the destination of a connection that is made for it and closed. */
async function withJobs<T>(url: string, token: string, use: (jobs: JobDestination) => Promise<T>) {
  const link = linkTo({ connector: jobSystem, settings: { url, token } });
  const destination = await jobSystem.destination?.open(
    link,
    suiteTarget('contacts', {}),
    unlimited,
  );
  if (destination?.kind !== 'jobs') throw new Error('it takes jobs');
  try {
    return await use(destination);
  } finally {
    await link.close();
  }
}
