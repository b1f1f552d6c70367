import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopProcess, type StopStep } from './process.ts';

/** Takes one line of human text. */
export type Log = (line: string) => void;

/** A server that runs beside this process. */
export interface ServerProcess {
  readonly pid: number;
  /** Settles when the process has ended, with how; `stopping` tells a wanted end from a crash. */
  readonly exited: Promise<ServerExit>;
  /** The last lines it wrote, for an error message. */
  tail(): string;
  stop(): Promise<void>;
}

/** How a server ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when `stop` was called before. */
  readonly stopping: boolean;
}

/** What to start, as whom, and how to stop it. */
export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The whole environment; default: this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Opens an IPC channel, whose end tells the child that this process is gone. */
  readonly ipc?: boolean;
  readonly uid?: number;
  readonly gid?: number;
  /** Signals with their grace in ms, in order. */
  readonly stopSteps: readonly StopStep[];
  readonly log: Log;
}

const tailLines = 15;

/**
 * Starts a server in a process group of its own, so that Ctrl-C reaches Sluice alone and Sluice decides the
 * order in which its parts stop. Its output goes to `log` line by line.
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

/** Calls `probe` until it succeeds; gives up when the server ends or the time (ms) is over. */
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

/** Its exit, after its last output; what it started in turn may hold that open, so not for long. */
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
