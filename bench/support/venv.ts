import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '../../src/runtime/settings.ts';
import { say, timed } from './measure.ts';

/**
 * The folder of a private Python environment with these packages, made at its first use and kept in the user's cache.
 * @param name with the version, as it names the folder
 * @throws when Python or a package is not to be had
 */
export async function venv(name: string, packages: readonly string[]): Promise<string> {
  const dir = join(readSettings().cacheDir, 'bench', name);
  const done = join(dir, 'installed');
  if (existsSync(done)) return dir;
  say(`installing ${packages.join(' ')}`);
  rmSync(dir, { recursive: true, force: true });
  await timed('python3', ['-m', 'venv', dir]);
  await timed(join(dir, 'bin', 'pip'), [
    'install',
    '--quiet',
    '--disable-pip-version-check',
    ...packages,
  ]);
  writeFileSync(done, `${packages.join('\n')}\n`);
  return dir;
}
