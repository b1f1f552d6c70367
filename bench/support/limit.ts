import type { Database } from '../../test/support/database.ts';
import { program } from './cluster.ts';
import { names, values } from './customers.ts';
import { timed } from './measure.ts';

/** The terms of a measurement of the limit. */
export interface LimitOptions {
  /** Only rows with a later `updated_at`. */
  readonly since?: string;
  /** Deletes rows that the source lacks. */
  readonly mirror?: boolean;
}

const list = (prefix: string) => values.map((name) => `${prefix}.${name}`).join(', ');
const upsert = `INSERT INTO public.customers AS d SELECT * FROM staging ON CONFLICT (id) DO UPDATE SET
  ${values.map((name) => `${name} = excluded.${name}`).join(', ')}
  WHERE (${list('d')}) IS DISTINCT FROM (${list('excluded')})`;
const antiJoin = `DELETE FROM public.customers d WHERE NOT EXISTS (SELECT FROM staging s WHERE s.id = d.id)`;

/**
 * The fastest that plain psql does without keeping state: `COPY | COPY` into an unlogged staging table, then one
 * upsert of what differs. Returns seconds.
 */
export async function runLimit(
  source: Database,
  destination: Database,
  { since, mirror = false }: LimitOptions = {},
): Promise<number> {
  const psql = `${program('psql')} -X -q -v ON_ERROR_STOP=1`;
  const read =
    since === undefined
      ? `COPY public.customers (${names.join(', ')})`
      : `COPY (SELECT ${names.join(', ')} FROM public.customers WHERE updated_at > '${since}')`;
  const script = `set -euo pipefail
    ${psql} "$DST" -c 'CREATE UNLOGGED TABLE IF NOT EXISTS staging (LIKE public.customers)' -c 'TRUNCATE staging'
    ${psql} "$SRC" -c "$READ TO STDOUT" | ${psql} "$DST" -c 'COPY staging FROM STDIN'
    ${psql} "$DST" -c "$APPLY" ${mirror ? '-c "$REMOVE"' : ''}`;
  const { seconds } = await timed('bash', ['-c', script], {
    SRC: source.url,
    DST: destination.url,
    READ: read,
    APPLY: upsert,
    REMOVE: antiJoin,
    PGOPTIONS: '-c client_min_messages=warning',
  });
  return seconds;
}
