import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** True when a process with this id runs (a zombie does not). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return statFields(pid)?.[0] !== 'Z';
}

/**
 * Returns the time at which a process started, in its system's own notation; undefined when it does not run. It tells a
 * reused process id from the first owner's.
 */
export function startTime(pid: number): string | undefined {
  if (!isAlive(pid)) return undefined;
  return statFields(pid)?.[19] ?? ps(pid, 'lstart=');
}

/** Returns the command line of a process, its arguments separated by spaces; undefined when it cannot be read. */
export function commandLine(pid: number): string | undefined {
  const raw = readText(`/proc/${pid}/cmdline`);
  return raw === undefined ? ps(pid, 'command=') : raw.replaceAll('\0', ' ').trim();
}

/** Returns the processes whose command line (arguments separated by spaces) contains this text; never this process. */
export function findProcesses(text: string): number[] {
  return processIds().filter((pid) => pid !== process.pid && commandLine(pid)?.includes(text));
}

/** A signal, and the milliseconds that the process then has to end. */
export type StopStep = readonly [signal: NodeJS.Signals, graceMs: number];

/** Sends one signal after the other until the process (of any parent) is gone. Returns true when it is gone. */
export async function stopProcess(pid: number, steps: readonly StopStep[]): Promise<boolean> {
  for (const [signal, graceMs] of steps) {
    send(pid, signal);
    const end = Date.now() + graceMs;
    while (isAlive(pid) && Date.now() < end) await sleep(20);
    if (!isAlive(pid)) return true;
  }
  return false;
}

/** Sends a signal to a process. A process that is gone by now, or is another user's, is no error. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/**
 * Returns the fields of /proc/<pid>/stat from the state on: [0] state, [19] start time. The name before it may hold
 * spaces.
 */
function statFields(pid: number): string[] | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function processIds(): number[] {
  if (existsSync('/proc/self'))
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  try {
    const list = execFileSync('ps', ['-axo', 'pid='], { encoding: 'utf8', stdio: 'pipe' });
    return list.split('\n').map(Number).filter(Boolean);
  } catch {
    return [];
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Asks `ps`, for systems without /proc (macOS). */
function ps(pid: number, column: string): string | undefined {
  try {
    return (
      execFileSync('ps', ['-o', column, '-p', String(pid)], {
        encoding: 'utf8',
        stdio: 'pipe',
      }).trim() || undefined
    );
  } catch {
    return undefined;
  }
}
