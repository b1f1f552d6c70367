import { createDatabase } from '../../test/support/database.ts';
import { createCustomers } from '../support/customers.ts';
import { runLimit } from '../support/limit.ts';
import type { Contender } from './contender.ts';

/** Plain psql. */
export async function openLimit(): Promise<Contender> {
  const destination = await createDatabase('limit');
  return {
    name: 'limit',
    title: 'the limit: psql',
    scenarios: ['S1', 'S2', 'S2i', 'S3', 'S4'],
    destination,
    reset: async () => {
      await destination.query('DROP TABLE IF EXISTS staging');
      await createCustomers(destination);
    },
    run: async (scenario, { source, watermark }) => ({
      seconds: await runLimit(source, destination, {
        ...((scenario === 'S2i' || scenario === 'S3') && { since: watermark }),
        mirror: scenario === 'S4',
      }),
    }),
  };
}
