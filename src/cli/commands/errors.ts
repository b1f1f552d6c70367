import type { Command } from 'commander';
import type { RecordErrorView } from '../../api/views/record-error-view.ts';
import { withServer } from '../connect.ts';
import { wholeNumber } from '../exit.ts';
import { globalOptions } from '../options.ts';
import { printJson, printTable } from '../output.ts';
import { readPages } from '../pages.ts';
import { keyText } from '../summary.ts';

/** `sluice errors RUN`: lists the records that a run could not write. */
export function addErrors(program: Command): void {
  program
    .command('errors')
    .argument('<run>', "the run's id")
    .description('list the records that a run could not write, with the reasons')
    .option('--limit <number>', 'at most this many', wholeNumber(1), 1000)
    .action(async (run: string, { limit }: { limit: number }, command: Command) => {
      const globals = globalOptions(command);
      await withServer(globals, async (client) => {
        const errors = await readPages(limit, async (page) => {
          const { errors: entries, next } = await client.runs.errors(run, page);
          return { entries, next };
        });
        if (globals.json) printJson({ errors });
        else printTable(['KEY', 'OPERATION', 'CODE', 'FIELD', 'MESSAGE'], errors.map(row));
      });
    });
}

function row({ key, operation, code, field, message }: RecordErrorView): string[] {
  return [keyText(key), operation, code, field ?? '-', message];
}
