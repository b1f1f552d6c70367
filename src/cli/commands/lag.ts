import type { Command } from 'commander';
import { withServer } from '../connect.ts';
import { globalOptions } from '../options.ts';
import { printJson, printTable } from '../output.ts';

/** `sluice lag ENTITY`: how far each destination is behind. */
export function addLag(program: Command): void {
  program
    .command('lag')
    .argument('<entity>', 'the entity')
    .description('show how many records and seconds each destination of an entity is behind')
    .action(async (entity: string, _options: unknown, command: Command) => {
      const globals = globalOptions(command);
      await withServer(globals, async (client) => {
        const destinations = await client.entities.lag(entity);
        if (globals.json) printJson({ destinations });
        else
          printTable(
            ['DESTINATION', 'RECORDS', 'REFUSED', 'SECONDS'],
            Object.entries(destinations).map(([name, { records, refused, seconds }]) => [
              name,
              String(records),
              String(refused),
              String(Math.round(seconds)),
            ]),
          );
      });
    });
}
