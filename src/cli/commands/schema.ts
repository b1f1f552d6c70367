import type { Command } from 'commander';
import { printLine } from '../output.ts';

/** `sluice schema`: prints the JSON Schema of project files. */
export function addSchema(program: Command): void {
  program
    .command('schema')
    .description('print the JSON Schema of project files, for editors')
    .action(async () => {
      const { projectJsonSchema } = await import('../../project/json-schema.ts');
      printLine(JSON.stringify(projectJsonSchema(), null, 2));
    });
}
