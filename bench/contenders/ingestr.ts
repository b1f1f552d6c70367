import { createDatabase, type Database } from '../../test/support/database.ts';
import { timed } from '../support/measure.ts';
import { isIncremental, pythonUrl, type Peer } from './contender.ts';

/** ingestr, where it is on PATH: its package downloads a binary that is not pinned here. */
export async function openIngestr(source: Database): Promise<Peer> {
  const { stdout } = await timed('ingestr', ['version']);
  const destination = await createDatabase('ingestr');
  const table = 'public.customers';
  const args = `ingest --yes --source-uri ${pythonUrl(source)}?sslmode=disable --source-table ${table} --dest-uri ${pythonUrl(destination)}?sslmode=disable --dest-table ${table} --incremental-strategy merge --primary-key id`;
  return {
    name: 'ingestr',
    title: `ingestr ${/[\d.]+/.exec(stdout)?.[0] ?? ''}`,
    scenarios: ['S1', 'S2', 'S2i', 'S3'],
    destination,
    reset: async () => void (await destination.query('DROP TABLE IF EXISTS public.customers')),
    commandOf: (scenario, { watermark }) => ({
      command: 'ingestr',
      args: [
        ...args.split(' '),
        ...(isIncremental(scenario)
          ? [
              '--incremental-key',
              'updated_at',
              '--interval-start',
              new Date(watermark).toISOString(),
            ]
          : []),
      ],
    }),
  };
}
