import { Command } from 'commander';
import { addApply } from './commands/apply.ts';
import { addCheck } from './commands/check.ts';
import { addDev } from './commands/dev.ts';
import { addDuplicates } from './commands/duplicates.ts';
import { addErase } from './commands/erase.ts';
import { addErrors } from './commands/errors.ts';
import { addLag } from './commands/lag.ts';
import { addRecords } from './commands/records.ts';
import { addRotateKey } from './commands/rotate-key.ts';
import { addRun } from './commands/run.ts';
import { addRuns } from './commands/runs.ts';
import { addSchema } from './commands/schema.ts';
import { addServer } from './commands/server.ts';
import { addValidate } from './commands/validate.ts';
import { addWorker } from './commands/worker.ts';
import { addGlobalOptions } from './options.ts';

/** Creates the command line of `sluice`. It throws `CommanderError` instead of exiting. */
export function createProgram(): Command {
  const program = new Command('sluice')
    .description('Moves records between the systems a business runs on, and keeps them right.')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride();
  addGlobalOptions(program);
  const commands = [
    addDev,
    addServer,
    addWorker,
    addValidate,
    addCheck,
    addApply,
    addRun,
    addRuns,
    addErrors,
    addRecords,
    addLag,
    addDuplicates,
    addErase,
    addRotateKey,
    addSchema,
  ];
  for (const add of commands) add(program);
  return program;
}
