import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase, type Database } from '../../test/support/database.ts';
import { timed } from '../support/measure.ts';
import { newFolder } from '../support/folder.ts';
import { venv } from '../support/venv.ts';
import { isIncremental, type Peer } from './contender.ts';

const version = '1.4.11';

/** Sling, from the last wheel that brings its binary. Mode `incremental` with a primary key upserts. */
export async function openSling(source: Database): Promise<Peer> {
  const dir = await venv(`sling-${version}`, [`sling-linux-amd64==${version}`]);
  const folder = join(dir, 'lib');
  const { stdout } = await timed('find', [folder, '-name', 'sling-linux-amd64', '-type', 'f']);
  const sling = stdout.trim();
  chmodSync(sling, 0o755);
  const destination = await createDatabase('sling');
  const env = {
    SLING_HOME_DIR: newFolder(),
    SLING_DISABLE_TELEMETRY: 'true',
    SRC: `${source.url}?sslmode=disable`,
    DST: `${destination.url}?sslmode=disable`,
  };
  const args =
    'run --src-conn SRC --src-stream public.customers --tgt-conn DST --tgt-object public.customers --mode incremental --primary-key id';
  return {
    name: 'sling',
    title: `Sling ${version}`,
    scenarios: ['S1', 'S2', 'S2i', 'S3'],
    destination,
    reset: async () => void (await destination.query('DROP TABLE IF EXISTS public.customers')),
    commandOf: (scenario) => ({
      command: sling,
      args: [
        ...args.split(' '),
        ...(isIncremental(scenario) ? ['--update-key', 'updated_at'] : []),
      ],
      env,
    }),
  };
}
