import type { Command } from 'commander';
import { wholeNumber } from '../exit.ts';
import { globalOptions } from '../options.ts';
import { printJson, printLine } from '../output.ts';
import { readProjectIfAny } from '../project-file.ts';
import { untilStopped } from '../until-stopped.ts';

interface DevOptions {
  readonly port: number;
  readonly temporalPort: number;
  readonly workers: number;
}

/** `sluice dev`: runs everything in one process tree; parts that the environment does not name are embedded. */
export function addDev(program: Command): void {
  program
    .command('dev')
    .description('run everything here: Temporal, database, API, worker processes')
    .option('--port <number>', 'port of the API', wholeNumber(0), 4400)
    .option('--temporal-port <number>', 'port of the embedded Temporal', wholeNumber(0), 7233)
    .option('--workers <number>', 'how many worker processes', wholeNumber(1), 1)
    .action(async ({ port, temporalPort, workers }: DevOptions, command: Command) => {
      const globals = globalOptions(command);
      const project = await readProjectIfAny(globals);
      const { startDev } = await import('../../runtime/index.ts');
      const { dataDir } = globals;
      const dev = await startDev({ ...project, dataDir, port, temporalPort, workers });
      if (globals.json) printJson({ url: dev.url, uiUrl: dev.uiUrl });
      else {
        printLine(`Sluice listens on ${dev.url}`);
        if (dev.uiUrl !== undefined) printLine(`Temporal UI at ${dev.uiUrl}`);
      }
      await untilStopped(() => dev.stop(), dev.givenUp);
    });
}
