import type { Database } from '../../test/support/database.ts';

const columns = {
  id: 'bigint',
  email: 'text',
  first_name: 'text',
  last_name: 'text',
  phone: 'text',
  city: 'text',
  country: 'text',
  plan: 'text',
  amount: 'numeric(12,2)',
  updated_at: 'timestamptz',
};

/** The columns of a customer. */
export const names = Object.keys(columns);

/** All columns but the key. */
export const values = names.filter((name) => name !== 'id');

/** The highest `updated_at` of {@link fillCustomers} is before this. */
const later = "timestamptz '2027-01-01'";

/** Makes an empty `public.customers`. @param check a condition that its rows must meet */
export async function createCustomers(db: Database, check?: string): Promise<void> {
  const typed = Object.entries(columns).map(([name, type]) => `${name} ${type}`);
  await db.query(`DROP TABLE IF EXISTS public.customers;
    CREATE TABLE public.customers (${typed.join(', ')}, PRIMARY KEY (id)${check ? `, CHECK (${check})` : ''})`);
}

/** Makes `public.customers` with the same `rows` rows every time; `updated_at` is indexed and in no useful order. */
export async function fillCustomers(db: Database, rows: number): Promise<void> {
  await createCustomers(db);
  await db.query(`INSERT INTO public.customers
    SELECT i, 'user' || i || '@example' || (i % 977) || '.com', 'First' || (i % 5003), 'Last' || (i % 7001),
      '+1' || lpad((i * 7919 % 10000000000)::text, 10, '0'), 'City ' || (i % 1009),
      (array['US', 'DE', 'FR', 'GB', 'IN'])[1 + (i % 5)::int], (array['free', 'pro', 'team'])[1 + (i % 3)::int],
      round((i * 37 % 1000003) / 100.0, 2),
      timestamptz '2026-01-01' + (i * 7919 % 8000000) * interval '1 second' + (i % 1000) * interval '1 microsecond'
    FROM generate_series(1, ${rows}::bigint) i`);
  await db.query('CREATE INDEX ON public.customers (updated_at)');
  await db.query('VACUUM ANALYZE public.customers');
}

/** Changes one row in `every`, each time to something else, and moves its `updated_at` past all others. Returns how many. */
export async function touchCustomers(db: Database, every: number, step = 0): Promise<number> {
  const rows = await db.query(`WITH touched AS (
      UPDATE public.customers SET amount = amount + 1, plan = 'touched ${step}',
        updated_at = ${later} + ${step} * interval '1 day' + id * interval '1 millisecond'
      WHERE id % ${every} = 0 RETURNING 1)
    SELECT count(*) FROM touched`);
  await db.query('VACUUM ANALYZE public.customers');
  return Number(rows[0]?.['count']);
}

/** Gives one row in `every` the plan "bad". Returns how many. */
export async function spoilCustomers(db: Database, every: number): Promise<number> {
  const rows = await db.query(`WITH bad AS (
      UPDATE public.customers SET plan = 'bad' WHERE id % ${every} = 0 RETURNING 1)
    SELECT count(*) FROM bad`);
  await db.query('VACUUM ANALYZE public.customers');
  return Number(rows[0]?.['count']);
}

/** Deletes one row in `every`. Returns how many. */
export async function thinCustomers(db: Database, every: number): Promise<number> {
  const rows = await db.query(`WITH gone AS (
      DELETE FROM public.customers WHERE id % ${every} = 1 RETURNING 1) SELECT count(*) FROM gone`);
  await db.query('VACUUM ANALYZE public.customers');
  return Number(rows[0]?.['count']);
}

/** Count and checksum of all values, whatever types and further columns a peer gave its table. */
export async function digest(db: Database, table = 'public.customers'): Promise<string> {
  const exact = Object.entries(columns).map(([name, type]) => `${name}::${type}`);
  return checksum(db, `SELECT ${exact.join(', ')} FROM ${table}`);
}

/** Count and checksum of what a query answers, in any order. */
export async function checksum(db: Database, select: string): Promise<string> {
  return String(
    await db.value(
      `SELECT count(*) || ' rows, checksum ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM (${select}) t`,
    ),
  );
}
