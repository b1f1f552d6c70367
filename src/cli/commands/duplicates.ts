import type { Command } from 'commander';
import { withServer } from '../connect.ts';
import { globalOptions } from '../options.ts';
import { printJson, printTable } from '../output.ts';

/** `sluice duplicates ENTITY`: the groups of records that look like duplicates and were not merged. */
export function addDuplicates(program: Command): void {
  program
    .command('duplicates')
    .argument('<entity>', 'the entity')
    .description('list records that look like duplicates and were not merged, and why')
    .action(async (entity: string, _options: unknown, command: Command) => {
      const globals = globalOptions(command);
      await withServer(globals, async (client) => {
        const groups = await client.entities.duplicates(entity);
        if (globals.json) printJson({ groups });
        else
          printTable(
            ['REASON', 'CYCLE', 'AT', 'SIZE', 'RECORDS'],
            groups.map(({ reason, cycle, at, records }) => [
              reason,
              String(cycle),
              at,
              String(records.length),
              records.join(' '),
            ]),
          );
      });
    });
}
