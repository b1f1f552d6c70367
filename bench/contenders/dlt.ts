import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDatabase, type Database } from '../../test/support/database.ts';
import { newFolder } from '../support/folder.ts';
import { venv } from '../support/venv.ts';
import { pythonUrl, type Peer } from './contender.ts';

/** Pinned. */
export const version = '1.31.0';
const script = fileURLToPath(new URL('dlt_upsert.py', import.meta.url));

/** The Python that has dlt. */
export async function dltPython(): Promise<string> {
  const packages = [`dlt[postgres,sql-database]==${version}`, 'pyarrow==26.0.1'];
  return join(await venv(`dlt-${version}`, packages), 'bin', 'python');
}

/** dlt with its Arrow backend, CSV load files (`COPY`) and the upsert strategy: its fastest for a keyed merge. */
export async function openDlt(source: Database): Promise<Peer> {
  const python = await dltPython();
  const destination = await createDatabase('dlt');
  let state = newFolder();
  return {
    name: 'dlt',
    title: `dlt ${version}, pyarrow`,
    scenarios: ['S1', 'S2', 'S2i', 'S3'],
    destination,
    reset: async () => {
      state = newFolder();
      await destination.query(
        'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS public_staging CASCADE',
      );
    },
    commandOf: (scenario) => ({
      command: python,
      // S1 reads by the watermark too, so that it is known later.
      args: [script, scenario === 'S2' ? 'full' : 'incremental'],
      env: {
        SOURCE: pythonUrl(source),
        DESTINATION: pythonUrl(destination),
        STATE: state,
        RUNTIME__DLTHUB_TELEMETRY: 'false',
        RUNTIME__LOG_LEVEL: 'ERROR',
      },
    }),
  };
}
