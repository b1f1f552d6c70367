import type { Command } from 'commander';

/** Options that every command takes. */
export interface GlobalOptions {
  /** The project file. */
  readonly config: string;
  /** Whether the user named the project file, rather than leaving it to the default. */
  readonly configGiven: boolean;
  /** Where embedded parts keep their data. */
  readonly dataDir: string;
  /** Print JSON for programs instead of text for people. */
  readonly json: boolean;
}

/** Adds the global options to the program. */
export function addGlobalOptions(program: Command): void {
  program
    .option('--config <file>', 'the project file', 'sluice.yaml')
    .option('--data-dir <dir>', 'where embedded parts keep their data', '.sluice')
    .option('--json', 'print JSON', false);
}

/** The global options as given before or after the command's name. */
export function globalOptions(command: Command): GlobalOptions {
  const { config, dataDir, json } = command.optsWithGlobals<{
    config: string;
    dataDir: string;
    json: boolean;
  }>();
  const configGiven = command.getOptionValueSourceWithGlobals('config') !== 'default';
  return { config, configGiven, dataDir, json };
}
