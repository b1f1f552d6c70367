import type { Command } from 'commander';
import { withServer } from '../connect.ts';
import { globalOptions } from '../options.ts';
import { printJson, printLine } from '../output.ts';

/** `sluice erase ENTITY RECORD`: erases everything that Sluice keeps of one record. */
export function addErase(program: Command): void {
  program
    .command('erase')
    .argument('<entity>', 'the entity')
    .argument('<record>', 'the id of the record')
    .description('erase all that Sluice keeps of one unified record: values, ids, history, ledger')
    .action(async (entity: string, record: string, _options: unknown, command: Command) => {
      const globals = globalOptions(command);
      await withServer(globals, async (client) => {
        await client.entities.erase(entity, record);
        if (globals.json) printJson({ entity, erased: record });
        else
          printLine(`erased record ${record} of ${entity}; sources and destinations keep theirs`);
      });
    });
}
