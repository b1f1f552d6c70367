import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { RunView } from '../../src/api/views/run-view.ts';
import { commandLine, findProcesses, send } from '../../src/runtime/embedded/process.ts';
import { startStack, type Stack, type StackOptions } from '../../test/support/stack.ts';
import { newFolder } from './folder.ts';
import { timed } from './measure.ts';
import { cpuSeconds, ownCpuSeconds, peakMebibytes, resetPeak } from './proc.ts';

/** One `sluice run`. */
export interface SluiceRun {
  /** From the start of the command to its end. */
  readonly seconds: number;
  readonly run: RunView;
  /** The highest memory use of any worker, in MiB. */
  readonly peak: number;
  /** CPU seconds by part. */
  readonly cpu: Readonly<Record<string, number>>;
}

/** A running `sluice dev`. */
export interface Sluice {
  readonly stack: Stack;
  /** Runs a sync by the command line. @throws when the run does not complete */
  run(sync: string): Promise<SluiceRun>;
  /** CPU seconds that its parts have spent so far. */
  cpu(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/** The command line's program, as it is installed. */
export const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** Starts `sluice dev`. */
export async function startSluice(options: StackOptions = {}): Promise<Sluice> {
  const dataDir = newFolder();
  const kill = () => {
    for (const pid of findProcesses(dataDir)) send(pid, 'SIGKILL');
  };
  process.prependListener('exit', kill);
  const stack = await startStack(dataDir, options);
  const parts = partsOf(stack);
  const cpu = () => Object.entries(parts).map(([name, pid]) => [name, spent(name, pid)] as const);
  return {
    stack,
    cpu: () => Object.fromEntries(cpu()),
    run: async (sync) => {
      const workers = stack.workerPids();
      workers.forEach(resetPeak);
      const before = new Map(cpu());
      const args = [main, 'run', sync, '--json'];
      const { seconds, stdout } = await timed(process.execPath, args, { SLUICE_URL: stack.url });
      const run = lastRun(stdout);
      assert.deepEqual(stack.workerPids(), workers, 'a worker was replaced');
      return {
        seconds,
        run,
        peak: Math.max(...workers.map(peakMebibytes)),
        cpu: Object.fromEntries(cpu().map(([name, now]) => [name, now - (before.get(name) ?? 0)])),
      };
    },
    close: async () => {
      await stack.stop();
      process.off('exit', kill);
    },
  };
}

/** The run that `sluice run --json` printed at its end. */
export function lastRun(stdout: string): RunView {
  const run = JSON.parse(stdout.slice(stdout.indexOf('{'))) as RunView;
  assert.equal(run.status, 'completed', JSON.stringify(run));
  return run;
}

/** Counts the processes of a stack by kind, which their command lines show. */
function partsOf({ dataDir }: Stack): Record<string, number> {
  const parts: Record<string, number> = {};
  for (const pid of findProcesses(dataDir)) {
    const line = commandLine(pid) ?? '';
    if (line.includes(' worker ')) parts['worker'] = pid;
    else if (line.includes(' start-dev ')) parts['Temporal'] = pid;
    else if (line.includes(' dev ')) parts['API'] = pid;
    else if (/\/postgres /.test(line)) parts['state database'] = pid;
  }
  return parts;
}

/** The API's process is the parent of the other parts. */
function spent(name: string, pid: number): number {
  return name === 'API' ? ownCpuSeconds(pid) : cpuSeconds(pid);
}
