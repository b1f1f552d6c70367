import { expectStats, putSync, type SyncInput } from '../../test/support/bench.ts';
import { createDatabase, type Database } from '../../test/support/database.ts';
import { createCustomers } from '../support/customers.ts';
import type { Sluice } from '../support/sluice.ts';
import { timeline } from '../support/timeline.ts';
import type { Contender, Round, Scenario } from './contender.ts';

/** The columns that S5 writes. */
export const expressedColumns =
  'id, email, full_name, phone, city, country, plan, amount, updated_at, domain';

/** The SQL that computes the records which S5 makes of customers. */
export const expressed = `SELECT id, lower(email) AS email, first_name || ' ' || last_name AS full_name, phone, city,
  country, plan, amount, updated_at, split_part(email, '@', 2) AS domain FROM public.customers WHERE country <> 'IN'`;

const table = 'public.customers';
const end = (connection: string, stream = table) => ({ connection, stream, key: 'id' });

const full = (mode: SyncInput['mode']): SyncInput => ({
  source: end('source'),
  destination: end('destination'),
  mode,
});

const syncs: Record<string, SyncInput> = {
  all: full('upsert'),
  mirror: full('mirror'),
  changes: {
    source: { ...end('source'), watermark: 'updated_at' },
    destination: end('destination'),
    mode: 'upsert',
  },
  expressions: {
    source: end('source'),
    destination: end('destination', 'public.expressed'),
    mode: 'upsert',
    where: 'country != "IN"',
    fields: {
      ...Object.fromEntries(
        ['id', 'phone', 'city', 'country', 'plan', 'amount', 'updated_at'].map((same) => [
          same,
          same,
        ]),
      ),
      email: { expr: 'lower(email)' },
      full_name: { expr: 'first_name + " " + last_name' },
      domain: { expr: 'domain(email)' },
    },
  },
};

const syncOf: Record<Scenario, string> = {
  S1: 'all',
  S2: 'all',
  S2i: 'changes',
  S3: 'changes',
  S4: 'mirror',
  S5: 'expressions',
};

/** Sluice, by `sluice run` against a running `sluice dev` with one worker. */
export async function openSluice(sluice: Sluice, source: Database): Promise<Contender> {
  const { stack } = sluice;
  const destination = await createDatabase('sluice');
  await stack.client.connections.put('source', { type: 'postgres', url: source.url });
  await stack.client.connections.put('destination', { type: 'postgres', url: destination.url });
  return {
    name: 'sluice',
    title: 'Sluice',
    scenarios: ['S1', 'S2', 'S2i', 'S3', 'S4', 'S5'],
    destination,
    reset: async (round) => {
      await createCustomers(destination);
      await destination.query(`DROP TABLE IF EXISTS public.expressed;
        CREATE TABLE public.expressed (id bigint PRIMARY KEY, email text, full_name text, phone text, city text,
          country text, plan text, amount numeric(12,2), updated_at timestamptz, domain text)`);
      for (const [sync, spec] of Object.entries(syncs))
        await putSync(stack, named(sync, round), spec);
    },
    prime: async (round) => void (await sluice.run(named('changes', round))),
    run: async (scenario, round, expected) => {
      const sync = named(syncOf[scenario], round);
      const { seconds, run, peak, cpu } = await sluice.run(sync);
      expectStats(run, expected);
      return { seconds, peak, cpu, timeline: await timeline(stack, sync) };
    },
  };
}

/** A sync has a name of its own in each round, as it remembers its watermark. */
function named(sync: string, { no }: Round): string {
  return `${sync}-${no}`;
}
