import type { Command } from 'commander';
import { globalOptions } from '../options.ts';
import { printJson, printLine } from '../output.ts';

/** `sluice rotate-key`: encrypts the state with the current key. */
export function addRotateKey(program: Command): void {
  program
    .command('rotate-key')
    .description('seal everything anew with the first key of SLUICE_ENCRYPTION_KEY, or a new one')
    .action(async (_options: unknown, command: Command) => {
      const { dataDir, json } = globalOptions(command);
      const { rotateKey } = await import('../../runtime/index.ts');
      const rotation = await rotateKey({ dataDir });
      if (json) {
        printJson(rotation);
        return;
      }
      const { resealed } = rotation;
      const values = resealed === 1 ? '1 value was' : `${resealed} values were`;
      printLine(`${values} sealed anew with the current key`);
      printLine(
        rotation.keys === 'environment'
          ? 'The retired keys may go from SLUICE_ENCRYPTION_KEY now'
          : 'The data directory has a new key; backups from before need the old one',
      );
    });
}
