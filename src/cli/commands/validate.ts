import type { Command } from 'commander';
import { ProjectError } from '../../project/problem.ts';
import { exitCodes } from '../exit.ts';
import { globalOptions } from '../options.ts';
import { printJson, printLine } from '../output.ts';
import { readProject } from '../project-file.ts';

/** `sluice validate`: checks the project file and starts nothing. */
export function addValidate(program: Command): void {
  program
    .command('validate')
    .description('check the project file, without connecting to anything')
    .action(async (_options: unknown, command: Command) => {
      const options = globalOptions(command);
      try {
        const { connections, syncs, entities } = await readProject(options);
        const counts = {
          connections: Object.keys(connections).length,
          syncs: Object.keys(syncs).length,
          entities: Object.keys(entities).length,
        };
        if (options.json) printJson({ valid: true, ...counts });
        else {
          printLine(
            `${options.config} is valid: ${counts.connections} connections, ${counts.syncs} syncs, ${counts.entities} entities`,
          );
        }
      } catch (error) {
        if (!(error instanceof ProjectError) || !options.json) throw error;
        printJson({ valid: false, problems: error.problems });
        process.exitCode = exitCodes.wrongUsage;
      }
    });
}
