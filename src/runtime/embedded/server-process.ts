import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopProcess, type StopStep } from './process.ts';

/** Takes one line of human-readable text. */
export type Log = (line: string) => void;

/** A server that runs beside this process. */
export interface ServerProcess {
  readonly pid: number;
  /** Settles with the exit when the process has ended; its `stopping` tells a wanted end from a crash. */
  readonly exited: Promise<ServerExit>;
  /** Returns the last lines that it wrote, for an error message. */
  tail(): string;
  stop(): Promise<void>;
}

/** The exit of a server. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when `stop` was called before. */
  readonly stopping: boolean;
}

/** The program to start, its user, and how to stop it. */
export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The whole environment. Default: this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** True opens an IPC channel. When it breaks, the child knows that this process is gone. */
  readonly ipc?: boolean;
  readonly uid?: number;
  readonly gid?: number;
  /** Signals with their grace in milliseconds, in order. */
  readonly stopSteps: readonly StopStep[];
  readonly log: Log;
}

const tailLines = 15;

/**
 * Starts a server in a process group of its own. So Ctrl-C reaches Sluice alone, and Sluice decides the order in which
 * its parts stop. Its output goes to `log` line by line.
 */
export async function startServer(options: ServerCommand): Promise<ServerProcess> {
  const { command, args, stopSteps, log, ipc, ...rest } = options;
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])];
  const child = spawn(command, args, { ...rest, detached: true, stdio });
  const recent: string[] = [];
  let stopping = false;
  for (const stream of [child.stdout, child.stderr]) {
    if (stream)
      onLines(stream, (line) => {
        recent.push(line);
        if (recent.length > tailLines) recent.shift();
        log(line);
      });
  }
  const exited = ended(child).then(({ code, signal }) => ({ code, signal, stopping }));
  const pid = await spawned(child);
  return {
    pid,
    exited,
    tail: () => recent.join('\n'),
    stop: async () => {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      await stopProcess(pid, stopSteps);
      await exited;
    },
  };
}

/**
 * Calls `probe` until it returns true.
 * @throws when the server ends, or after `timeoutMs` milliseconds
 */
export async function untilReady(
  server: ServerProcess,
  name: string,
  timeoutMs: number,
  probe: () => Promise<boolean>,
): Promise<void> {
  let gone = false;
  void server.exited.then(() => (gone = true));
  const end = Date.now() + timeoutMs;
  while (!(await probe())) {
    if (gone) throw new Error(`${name} ended while starting:\n${server.tail()}`);
    if (Date.now() > end) {
      await server.stop();
      throw new Error(`${name} did not answer within ${timeoutMs / 1000} s:\n${server.tail()}`);
    }
    await sleep(25);
  }
}

/**
 * Returns the exit of a process, after its last output. A process that it started may hold the output open, so it waits
 * only 200 ms for that.
 */
function ended(
  child: ChildProcess,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const done = () => resolve({ code, signal });
      child.once('close', done);
      setTimeout(done, 200).unref();
    });
  });
}

function spawned(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
}

function onLines(stream: NodeJS.ReadableStream, take: Log): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim()) take(line.trimEnd());
  });
  stream.on('end', () => rest.trim() && take(rest.trimEnd()));
}
