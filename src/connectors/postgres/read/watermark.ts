import { ConfigError, RejectedError } from '../../../model/failure.ts';
import type { Settled } from '../../contract/source.ts';
import type { Column, Relation } from '../catalog/catalog.ts';
import { operator } from '../values/compare.ts';
import { refusableQuery } from '../link/refusable-query.ts';
import { ident, literal } from '../catalog/names.ts';
import type { Session } from '../link/session.ts';

/** The watermark of a relation: the highest value, and the highest value that later records cannot fall behind. */
export interface Watermark {
  highest(session: Session): Promise<string | null>;
  settled(session: Session, high: string): Promise<Settled>;
  /**
   * Checks that a watermark kept from an earlier run is a value of the column's type.
   * @throws ConfigError `watermark_changed`
   */
  check(session: Session, since: string): Promise<void>;
}

/**
 * Returns the watermark of a column.
 * @throws ConfigError `invalid_watermark` for a type without an order
 */
export function watermarkOf(connection: string, relation: Relation, column: Column): Watermark {
  if (!column.operators)
    throw invalid({ connection }, column, `is of type ${column.native}, which has no order`);
  return {
    highest: (session) => highest(session, relation, column, 'true'),
    settled: (session, high) =>
      settled(session, column, high, (condition) => highest(session, relation, column, condition)),
    check: (session, since) => check(session, column, since),
  };
}

/**
 * Reads the highest value. `max()` would not do: uuid and boolean lack it, and an extension's type has it only on its
 * own `search_path`.
 */
async function highest(
  session: Session,
  { from }: Relation,
  { name }: Column,
  condition: string,
): Promise<string | null> {
  const value = `q.${ident(name)}`;
  const { rows } = await session.query(
    `SELECT ${value}::text AS high FROM ${from} AS q WHERE ${value} IS NOT NULL AND ${condition}
     ORDER BY ${value} DESC LIMIT 1`,
  );
  return rows[0]?.['high'] ?? null;
}

/**
 * Keeps the watermark before the present, or at the highest finite number, so that one record dated 2999, `infinity` or
 * NaN does not hold it for ever. Records beyond it are read again by each run.
 */
async function settled(
  session: Session,
  column: Column,
  high: string,
  highestOf: (condition: string) => Promise<string | null>,
): Promise<Settled> {
  const present = presents[column.base];
  if (present) return beforePresent(session, column, high, present);
  if (column.category === 'N' && /^(NaN|Infinity)$/.test(high)) {
    const finite = `q.${ident(column.name)}::text NOT IN ('NaN', 'Infinity')`;
    return { watermark: await highestOf(finite), ahead: true };
  }
  if (column.category === 'S') return settledText(session, column, high, highestOf);
  return { watermark: high, ahead: false };
}

/**
 * SQL: the start of the oldest open transaction, or the present when none is open. An open transaction, or one prepared
 * for commit, may still commit rows with the time at which it began, perhaps cut to seconds, so the watermark stays
 * before it. The start of a prepared transaction is not known; it is taken to be at most an hour before its
 * preparation. Transactions of other users are visible only with the rights of `pg_read_all_stats`; a lag covers the
 * rest.
 */
const oldest = `least(now(), (SELECT date_trunc('second', min(xact_start)) FROM pg_stat_activity
    WHERE datname = current_database()),
  (SELECT min(prepared) - interval '1 hour' FROM pg_prepared_xacts WHERE database = current_database()))`;

/**
 * A time without a zone may be in the server's own zone or in UTC. The later of the two is surely not in the future.
 */
const local = `greatest(${oldest} AT TIME ZONE 'UTC',
  ${oldest} AT TIME ZONE (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'))`;

const presents: Readonly<Record<string, string>> = {
  'timestamp with time zone': oldest,
  'timestamp without time zone': local,
  date: `(${local})::date`,
};

async function beforePresent(
  session: Session,
  { base }: Column,
  high: string,
  present: string,
): Promise<Settled> {
  const { rows } = await session.query(
    `SELECT least($1::${base}, ${present})::text AS safe, $1::timestamptz > now() + interval '1 day' AS ahead`,
    [high],
  );
  return { watermark: rows[0]?.['safe'] ?? high, ahead: rows[0]?.['ahead'] === 't' };
}

/**
 * Keeps a watermark of texts before the future. Texts that are dates sort by time only when the year comes first; those
 * in the future are passed over, as dates are.
 */
async function settledText(
  session: Session,
  column: Column,
  high: string,
  highestOf: (condition: string) => Promise<string | null>,
): Promise<Settled> {
  if (/^\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b/.test(high))
    throw invalid(
      session,
      column,
      'holds dates as texts that do not sort by time; cast it in a query, or write the year first',
    );
  if (!/^\d{4,}-\d\d-\d\d/.test(high)) return { watermark: high, ahead: false };
  const { rows } = await session.query(
    `SELECT to_char(now() AT TIME ZONE 'UTC' + interval '2 days', 'YYYY-MM-DD') AS soon`,
  );
  const soon = rows[0]?.['soon'] ?? '';
  if (high < soon) return { watermark: high, ahead: false };
  const name = `q.${ident(column.name)}`;
  const watermark = await highestOf(
    `${name} ${operator(column, 'atMost')} ${literal(soon)}::${column.base}`,
  );
  return { watermark, ahead: true };
}

function invalid(
  { connection }: Pick<Session, 'connection'>,
  { name }: Column,
  why: string,
): ConfigError {
  const message = `${connection}: the watermark "${name}" ${why}`;
  return new ConfigError('invalid_watermark', message, { connection });
}

async function check(session: Session, column: Column, since: string): Promise<void> {
  const { connection } = session;
  try {
    await refusableQuery(session, `SELECT $1::text::${column.base}`, [since]);
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    const why = `cannot be read as ${column.native}: the field's type has changed; run the sync with --full`;
    throw new ConfigError(
      'watermark_changed',
      `${connection}: the watermark kept of "${column.name}" ${why}`,
      { connection },
    );
  }
}
