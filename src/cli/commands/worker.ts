import type { Command } from 'commander';
import { globalOptions } from '../options.ts';
import { printJson, printLine } from '../output.ts';
import { untilStopped } from '../until-stopped.ts';

/** `sluice worker`: one worker process. */
export function addWorker(program: Command): void {
  program
    .command('worker')
    .description('run one worker process')
    .action(async (_options: unknown, command: Command) => {
      const { dataDir, json } = globalOptions(command);
      const { startWorker } = await import('../../runtime/index.ts');
      const worker = await startWorker({ dataDir });
      if (json) printJson({ worker: 'running' });
      else printLine('Sluice worker runs');
      await untilStopped(() => worker.stop(), worker.closed);
    });
}
