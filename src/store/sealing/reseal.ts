import { sql } from 'kysely';
import { ConfigError } from '../../model/failure.ts';
import type { Database } from '../database/database.ts';
import { inTheClear, type KeyRing } from './key-ring.ts';

/** Every sealed column, and how many of its values are held in memory at once; the hash key, which proves the key, last. */
export const sealedColumns = [
  ['connections', 'settings', 100],
  ['runs', 'since', 1000],
  ['runs', 'until', 1000],
  ['runs', 'settled', 1000],
  ['runs', 'watermark', 1000],
  ['runs', 'start_cursor', 1000],
  ['chunks', 'cursor', 1000],
  ['chunks', 'highest', 1000],
  ['staged', 'data', 4],
  ['journal', 'outcome', 1000],
  ['previews', 'data', 100],
  ['record_errors', 'content', 1000],
  ['ledger', 'key', 1000],
  ['ledger', 'record_id', 1000],
  ['watermarks', 'value', 1000],
  ['watermarks', 'seen', 1000],
  ['entity_records', 'data', 1000],
  ['entity_ids', 'data', 1000],
  ['entity_log', 'data', 1000],
  ['entity_positions', 'position', 100],
  ['passes', 'position', 100],
  ['jobs', 'reference', 1000],
  ['connection_memory', 'data', 100],
  ['hash_key', 'sealed', 1],
] as const;

/** Entities may be kept in the clear, and stay so. */
const clearable: ReadonlySet<string> = new Set(['entity_records', 'entity_ids', 'entity_log']);

/** So often a column is gone through before someone else must be at fault. */
const mostPasses = 10;

/**
 * Seals with the current key what another key has sealed or, with `in the clear`, only what no key has. Goes by small
 * statements beside whatever else is done to the database; broken off, it can simply be started again.
 * @returns how many values were sealed
 * @throws ConfigError `wrong_encryption_key` when a value's key is not on the ring; `retired_key_in_use`
 */
export async function reseal(
  db: Database,
  ring: KeyRing,
  which: 'all' | 'in the clear',
): Promise<number> {
  let count = 0;
  for (const [table, column, batch] of sealedColumns) {
    if (which === 'in the clear' && clearable.has(table)) continue;
    count += await resealColumn(db, ring, { table, column, batch }, which);
  }
  return count;
}

/** A row may have moved behind the pass while it went on: the last pass finds nothing. */
async function resealColumn(
  db: Database,
  ring: KeyRing,
  column: Column,
  which: 'all' | 'in the clear',
): Promise<number> {
  let count = 0;
  for (let passes = 0; passes < mostPasses; passes++) {
    const done = await pass(db, ring, column, which);
    if (done === 0) return count;
    count += done;
  }
  throw new ConfigError(
    'retired_key_in_use',
    'a process still seals with a retired key: restart every server and worker with the current key first in SLUICE_ENCRYPTION_KEY, then rotate again',
  );
}

interface Column {
  readonly table: string;
  readonly column: string;
  readonly batch: number;
}

/** Once through a table, in the order of its rows on disk. */
async function pass(
  db: Database,
  ring: KeyRing,
  { table, column, batch }: Column,
  which: 'all' | 'in the clear',
): Promise<number> {
  const name = sql.ref(column);
  const id = sql`substring(${name} for 4)`;
  const own = clearable.has(table) ? [...ring.ids, inTheClear] : ring.ids;
  const foreign = sql`${id} not in (${sql.join(own)})`;
  const due = which === 'all' ? foreign : sql`${id} = ${inTheClear}`;
  let done = 0;
  let after = '(0,0)';
  for (;;) {
    const { rows } = await sql<{ place: string; value: Buffer }>`
      select ctid::text as place, ${name} as value from ${sql.table(table)}
      where ctid > ${after}::tid and ${due} limit ${batch}`.execute(db);
    const last = rows.at(-1);
    if (last === undefined) return done;
    after = last.place;
    // Whoever changed a row meanwhile has sealed it with a key of their own choice.
    const { numAffectedRows } = await sql`
      update ${sql.table(table)} t set ${name} = n.value
      from unnest(${rows.map(({ place }) => place)}::tid[], ${rows.map(({ value }) => value)}::bytea[],
        ${rows.map(({ value }) => ring.seal(ring.open(value)))}::bytea[]) as n (place, old, value)
      where t.ctid = n.place and t.${name} = n.old`.execute(db);
    done += Number(numAffectedRows ?? 0);
  }
}
