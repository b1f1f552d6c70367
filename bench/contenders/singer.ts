import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase, type Database } from '../../test/support/database.ts';
import { timed } from '../support/measure.ts';
import { newFolder } from '../support/folder.ts';
import { venv } from '../support/venv.ts';
import { pythonUrl, type Peer, type Scenario } from './contender.ts';

const tapVersion = '0.10.0';
const targetVersion = '0.8.1';

interface Catalog {
  streams: {
    tap_stream_id: string;
    metadata: { breadcrumb: string[]; metadata: Record<string, unknown> }[];
  }[];
}

/** The Singer pair that Meltano's hub recommends for Postgres. */
export async function openSinger(source: Database): Promise<Peer> {
  const tapDir = await venv(`tap-postgres-${tapVersion}`, [
    `meltanolabs-tap-postgres==${tapVersion}`,
  ]);
  const targetDir = await venv(`target-postgres-${targetVersion}`, [
    `meltanolabs-target-postgres==${targetVersion}`,
  ]);
  const destination = await createDatabase('singer');
  const folder = newFolder();
  const json = (name: string, value: unknown) => {
    writeFileSync(join(folder, name), JSON.stringify(value));
    return join(folder, name);
  };
  const tapConfig = json('tap.json', {
    sqlalchemy_url: pythonUrl(source),
    filter_schemas: ['public'],
  });
  const targetConfig = json('target.json', {
    sqlalchemy_url: pythonUrl(destination),
    default_target_schema: 'public',
    add_record_metadata: false,
    activate_version: false,
    batch_size_rows: 50_000,
    use_copy: true,
  });
  const tap = join(tapDir, 'bin', 'tap-postgres');
  const target = join(targetDir, 'bin', 'target-postgres');
  const state = join(folder, 'state.jsonl');
  return {
    name: 'singer',
    title: `tap-postgres ${tapVersion} \\| target-postgres ${targetVersion}`,
    maxRows: 100_000,
    scenarios: ['S1', 'S2', 'S2i', 'S3'],
    destination,
    reset: async () => {
      await destination.query('DROP TABLE IF EXISTS public.customers');
      const { stdout } = await timed(tap, ['--config', tapConfig, '--discover']);
      for (const method of ['FULL_TABLE', 'INCREMENTAL'])
        json(`${method}.json`, chosen(JSON.parse(stdout) as Catalog, method));
      writeFileSync(state, '{}\n');
    },
    commandOf: (scenario) => ({
      command: 'bash',
      args: [
        '-c',
        'set -o pipefail; "$TAP" --config "$1" --catalog "$2" --state "$3" | "$TARGET" --config "$4" >> "$5"',
        'bash',
        tapConfig,
        join(folder, `${methodOf(scenario)}.json`),
        json('last-state.json', lastState(state)),
        targetConfig,
        state,
      ],
      env: {
        TAP: tap,
        TARGET: target,
        TAP_POSTGRES_LOGLEVEL: 'ERROR',
        TARGET_POSTGRES_LOGLEVEL: 'ERROR',
      },
    }),
  };
}

/** S1 reads by the watermark too, so that it is known later. */
function methodOf(scenario: Scenario): string {
  return scenario === 'S2' ? 'FULL_TABLE' : 'INCREMENTAL';
}

function chosen(catalog: Catalog, method: string): Catalog {
  const streams = catalog.streams.filter(({ tap_stream_id }) =>
    tap_stream_id.endsWith('customers'),
  );
  for (const stream of streams) {
    Object.assign(stream, { replication_method: method, replication_key: 'updated_at' });
    const whole = stream.metadata.find(({ breadcrumb }) => breadcrumb.length === 0);
    Object.assign(whole?.metadata ?? {}, {
      selected: true,
      'replication-method': method,
      'replication-key': 'updated_at',
    });
  }
  return { streams };
}

/** Returns the last state that the target has printed. */
function lastState(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '{}');
}
