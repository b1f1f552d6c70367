import type { Command } from 'commander';

/** Options that every command takes. */
export interface GlobalOptions {
  /** The path of the project file. */
  readonly config: string;
  /** True when the user named the project file, rather than leaving it to the default. */
  readonly configGiven: boolean;
  /** The directory in which embedded parts keep their data. */
  readonly dataDir: string;
  /** True prints JSON for programs instead of text for people. */
  readonly json: boolean;
}

/** Adds the global options to the program. */
export function addGlobalOptions(program: Command): void {
  program
    .option('--config <file>', 'the project file', 'sluice.yaml')
    .option('--data-dir <dir>', 'where embedded parts keep their data', '.sluice')
    .option('--json', 'print JSON', false);
}

/** Returns the global options, given before or after the command's name. */
export function globalOptions(command: Command): GlobalOptions {
  const { config, dataDir, json } = command.optsWithGlobals<{
    config: string;
    dataDir: string;
    json: boolean;
  }>();
  const configGiven = command.getOptionValueSourceWithGlobals('config') !== 'default';
  return { config, configGiven, dataDir, json };
}
