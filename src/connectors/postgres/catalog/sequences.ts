import type pg from 'pg';
import { ident, literal } from './names.ts';
import type { Session } from '../link/session.ts';
import type { Table } from './table.ts';

/**
 * Moves the sequences of written columns past the values that were copied into them, so that the next record the table
 * numbers itself collides with none. A sequence that is already further stays.
 */
export async function advanceSequences(
  session: Session,
  client: pg.PoolClient,
  { relation, key, target }: Table,
): Promise<void> {
  const written = new Set([...key.map(({ name }) => name), ...target.fields]);
  const columns = relation.columns.filter(
    ({ name, base }) => written.has(name) && /^(smallint|integer|bigint)$/.test(base),
  );
  for (const { name } of columns) {
    const sequence = `pg_get_serial_sequence(${literal(relation.from)}, ${literal(name)})`;
    await session.run(
      client,
      `SELECT setval(q.sequence, q.highest) FROM (SELECT ${sequence}::regclass AS sequence,
         (SELECT max(${ident(name)}) FROM ${relation.from}) AS highest) q
       WHERE q.sequence IS NOT NULL AND q.highest > coalesce(pg_sequence_last_value(q.sequence), 0)`,
    );
  }
}
