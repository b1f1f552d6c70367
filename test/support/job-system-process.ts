import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../../src/model/json.ts';
import type { Effect } from './job-records.ts';
import type { JobFault, JobStats } from './job-system.ts';

/** A job system in a process of its own, which outlives whoever calls it. */
export interface RemoteJobSystem {
  readonly url: string;
  readonly token: string;
  ledger(): Promise<Effect[]>;
  stats(): Promise<JobStats>;
  fault(fault: JobFault): Promise<void>;
  /** Replaces all records of an object. */
  seed(object: string, records: readonly JsonObject[]): Promise<void>;
  close(): Promise<void>;
}

/** As {@link import('./job-system.ts').startJobSystem}, in another process. @param jobMs how long a job runs. Default 0 */
export async function startJobSystemProcess(jobMs = 0): Promise<RemoteJobSystem> {
  const main = fileURLToPath(new URL('./job-system-main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main, '--job-ms', String(jobMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { url, credentials } = JSON.parse(line) as { url: string; credentials: { token: string } };
  const tell = async (path: string, body: unknown): Promise<void> => {
    await fetch(`${url}/${path}`, { method: 'POST', body: JSON.stringify(body) });
  };
  const ask = async <T>(path: string) => (await fetch(`${url}/${path}`)).json() as Promise<T>;
  return {
    url,
    token: credentials.token,
    ledger: () => ask('_ledger'),
    stats: () => ask('_stats'),
    fault: (fault) => tell('_faults', fault),
    seed: (object, records) => tell('_seed', { object, records }),
    async close() {
      child.kill();
      await once(child, 'exit');
    },
  };
}
