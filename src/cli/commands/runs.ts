import type { Command } from 'commander';
import type { RunView } from '../../api/views/run-view.ts';
import { withServer } from '../connect.ts';
import { wholeNumber } from '../exit.ts';
import { globalOptions } from '../options.ts';
import { printJson, printTable } from '../output.ts';
import { readPages } from '../pages.ts';

interface Flags {
  readonly sync?: string;
  readonly entity?: string;
  readonly status?: string;
  readonly limit: number;
}

/** `sluice runs`: lists the latest runs, newest first. */
export function addRuns(program: Command): void {
  program
    .command('runs')
    .description('list runs, newest first')
    .option('--sync <sync>', 'only runs of this sync, or of entity.destination')
    .option('--entity <entity>', 'only cycles of this entity')
    .option('--status <status>', 'only runs with this status')
    .option('--limit <number>', 'at most this many', wholeNumber(1), 20)
    .action(async (flags: Flags, command: Command) => {
      const globals = globalOptions(command);
      await withServer(globals, async (client) => {
        const { limit, ...filter } = flags;
        const runs = await readPages(limit, async (page) => {
          const { runs: entries, next } = await client.runs.list({ ...filter, ...page });
          return { entries, next };
        });
        if (globals.json) printJson({ runs });
        else printTable(header, runs.map(row));
      });
    });
}

const header = ['RUN', 'NAME', 'STATUS', 'OUTCOME', 'STARTED', 'CREATED', 'UPDATED', 'ERRORS'];

function row({ id, sync, entity, status, outcome, startedAt, stats }: RunView): string[] {
  const { created, updated, errors } = stats;
  const counts = [created, updated, errors].map(String);
  return [id, sync ?? entity ?? '-', status, outcome ?? '-', startedAt ?? '-', ...counts];
}
