import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { StrictApiOptions } from './strict-api.ts';
import type { Arrival, StrictQuota } from './strict-limits.ts';

/** The orders to the process; each is answered by a message. */
export type Order =
  | { readonly start: StrictApiOptions }
  | { readonly quota: StrictQuota | null }
  | { readonly pause: number; readonly status: 429 | 503 }
  | { readonly arrivals: true };

/** A strict API in a process of its own, so that the test's event loop does not distort what it counts. */
export interface RemoteStrictApi {
  readonly url: string;
  arrivals(): Promise<Arrival[]>;
  setQuota(quota: StrictQuota | undefined): Promise<void>;
  pause(ms: number, status?: 429 | 503): Promise<void>;
  close(): Promise<void>;
}

/** Does the same as {@link import('./strict-api.ts').startStrictApi}, in another process. */
export async function startStrictApiProcess(options: StrictApiOptions): Promise<RemoteStrictApi> {
  const main = fileURLToPath(new URL('./strict-api-main.ts', import.meta.url));
  const child = fork(main, { execArgv: ['--import', 'tsx'] });
  prefer(child);
  const ask = async <T>(order: Order): Promise<T> => {
    const answered = once(child, 'message') as Promise<[T]>;
    child.send(order);
    return (await answered)[0];
  };
  const url = await ask<string>({ start: options });
  return {
    url,
    arrivals: () => ask({ arrivals: true }),
    setQuota: (quota) => ask({ quota: quota ?? null }),
    pause: (pause, status = 429) => ask({ pause, status }),
    close: async () => {
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** Raises the priority of the process: its clock is the measure, so it should not wait for a processor. */
function prefer({ pid }: ChildProcess): void {
  try {
    setPriority(pid ?? 0, -10);
  } catch {
    // not permitted
  }
}
