import { setTimeout as sleep } from 'node:timers/promises';
import { startServer, type Log, type ServerExit, type ServerProcess } from './server-process.ts';

/** The workers to keep running. */
export interface SuperviseOptions {
  /** The program, usually Node itself. A wrapper that starts another process would not pass on the IPC channel. */
  readonly command: string;
  /** The arguments. They must contain the word `worker`, by which workers are found among the processes. */
  readonly args: readonly string[];
  /** The whole environment. Default: this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly count: number;
  /**
   * The time in milliseconds that a stopping worker has to finish its activities before it is killed. Default 30 s.
   */
  readonly drainMs?: number;
  /** Takes the workers' output and messages about their starts and ends. */
  readonly log: Log;
}

/** A set of workers that are kept running. */
export interface Supervisor {
  /** Returns the ids of the workers that run at the moment. */
  pids(): number[];
  /** Lets every worker finish its activities, then kills those that are left. */
  stop(): Promise<void>;
}

const firstDelayMs = 200;
const longestDelayMs = 5000;
/**
 * A worker that lived this long was healthy, as is one that was told to leave: its successor starts after the first
 * delay.
 */
const healthyMs = 30_000;

/**
 * Starts `count` workers in processes of their own. A worker that ends is replaced after 0.2 s, one that keeps failing
 * after up to 5 s. Each holds an IPC channel to this process; `exitWithParent` ends the worker when that breaks.
 */
export function superviseWorker(options: SuperviseOptions): Supervisor {
  const running = new Set<ServerProcess>();
  const halt = new AbortController();
  const slots = Array.from({ length: options.count }, () => keepOne(options, running, halt.signal));
  return {
    pids: () => [...running].map(({ pid }) => pid),
    stop: async () => {
      halt.abort();
      await Promise.all([...running].map((worker) => worker.stop()));
      await Promise.all(slots);
    },
  };
}

async function keepOne(
  options: SuperviseOptions,
  running: Set<ServerProcess>,
  halt: AbortSignal,
): Promise<void> {
  let delayMs = firstDelayMs;
  while (!halt.aborted) {
    const began = Date.now();
    const { what, left } = await runOne(options, running, halt);
    if (halt.aborted) return;
    if (left || Date.now() - began > healthyMs) delayMs = firstDelayMs;
    options.log(`${what}; another starts in ${delayMs / 1000} s`);
    await sleep(delayMs, undefined, { signal: halt }).catch(() => undefined);
    delayMs = Math.min(delayMs * 2, longestDelayMs);
  }
}

/** Runs one worker to its end. Returns a text about how it ended; `left` is true when it was told to leave. */
async function runOne(
  options: SuperviseOptions,
  running: Set<ServerProcess>,
  halt: AbortSignal,
): Promise<{ what: string; left: boolean }> {
  const { count: _count, drainMs = 30_000, ...command } = options;
  try {
    const worker = await startServer({
      ...command,
      ipc: true,
      stopSteps: [
        ['SIGTERM', drainMs],
        ['SIGKILL', 2000],
      ],
    });
    running.add(worker);
    // It was stopped while it was being started.
    if (halt.aborted) await worker.stop();
    const exit = await worker.exited;
    running.delete(worker);
    return { what: `Worker ${worker.pid} ended ${how(exit)}`, left: exit.code === 0 };
  } catch (error) {
    return { what: `A worker could not be started: ${(error as Error).message}`, left: false };
  }
}

function how({ code, signal }: ServerExit): string {
  return signal ? `by ${signal}` : `with code ${code}`;
}
