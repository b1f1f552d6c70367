import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../../src/runtime/embedded/postgres.ts';
import { findTemporalCli } from '../../src/runtime/embedded/temporal-cli.ts';
import { readSettings } from '../../src/runtime/settings.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const quiet = (): undefined => undefined;

/**
 * Prepares all tests once: a Postgres of their own (`SLUICE_TEST_PG`, its admin URL; each test makes its own databases
 * in it), the Temporal CLI (`SLUICE_TEMPORAL_CLI`) and an up-to-date build, which the acceptance tests run.
 */
export async function setup(): Promise<() => Promise<void>> {
  build();
  const dir = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  chmodSync(dir, 0o755);
  const { searchPath, cacheDir, temporalCli } = readSettings();
  const cli = await findTemporalCli({
    searchPath,
    cacheDir,
    dataDir: dir,
    log: quiet,
    ...(temporalCli !== undefined && { explicit: temporalCli }),
  });
  const postgres = await startEmbeddedPostgres({
    dir,
    log: quiet,
    settings: { max_prepared_transactions: 5 },
  });
  process.env['SLUICE_TEST_PG'] = postgres.url;
  process.env['SLUICE_TEMPORAL_CLI'] = cli;
  return async () => {
    await postgres.stop();
    rmSync(dir, { recursive: true, force: true });
  };
}

function build(): void {
  const bundle = join(root, 'dist/workflows.bundle.js');
  const sources = ['src', 'workflows', 'activities'].map((folder) => join(root, folder));
  const newest = Math.max(...sources.map(newestIn));
  if (existsSync(bundle) && statSync(bundle).mtimeMs > newest) return;
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' });
}

function newestIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const times = files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => statSync(join(folder, file)).mtimeMs);
  return Math.max(0, ...times);
}
