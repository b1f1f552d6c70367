import { spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';

/** The output and the duration of a command. */
export interface Timed {
  readonly seconds: number;
  readonly stdout: string;
}

/** Runs a command to its end, its start included. @throws when it fails, with the end of what it printed */
export async function timed(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Timed> {
  const start = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0)
    throw new Error(
      `${command} ended with ${code}:\n${stdout.slice(-2000)}\n${stderr.slice(-4000)}`,
    );
  return { seconds, stdout };
}

/** The middle value, or the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Says what is going on, and how busy the machine is: above its cores, times mean little. */
export function say(text: string): void {
  const load = loadavg()[0]?.toFixed(1);
  console.log(`${new Date().toISOString().slice(11, 19)} [load ${load}] ${text}`);
}
